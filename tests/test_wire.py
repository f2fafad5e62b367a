"""Whole wires of real processes under fire: nothing is lost, whoever dies."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import until
from tests.wiring import PASS_ON, PATIENCE, SINK, SOURCE, Graph, expected


def chain(graph: Graph, count: int, code: str = PASS_ON) -> None:
    graph.node("source", SOURCE, f"--count={count}", push="frames")
    graph.node("filter", code, pull="frames", push="results", replicas=3)
    graph.node("sink", SINK, pull="results")


def test_a_chain_whose_filters_and_sink_are_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    rng, kills, due = random.Random(1), 0, time.monotonic() + 0.5

    def kill() -> None:
        nonlocal kills, due
        if time.monotonic() > due and kills < 10:
            due += rng.uniform(0.02, 0.2)
            kills += graph.kill_one(rng, "filter", "sink")

    with Graph(tmp_path) as graph:
        chain(graph, 2000)
        graph.start()
        graph.finish(kill)
        assert graph.saved() == expected(2000)
        books = graph.books("source.1")
        assert (
            sum(codes.count(-signal.SIGKILL) for codes in graph.codes.values()) >= 5
        )  # the others hit what had just ended
    assert (books["taken"], books["done"], books["on_the_way"]) == (2000, 2000, 0)


SOURCE_OF_FILES = """
import os
from bus import Message

def source(*, folder):
    def delete(name):
        return lambda verdict, reason: os.unlink(f"{folder}/{name}") if verdict == "done" else None
    for number, name in enumerate(sorted(os.listdir(folder))):
        file = os.path.abspath(f"{folder}/{name}")
        yield Message(file=file, stream=folder, number=number, name=name, finish=delete(name))
"""


@pytest.mark.parametrize(("shape", "seed"), [("chain", 1), ("merge", 2)])
def test_kills_around_every_end_mark_never_keep_a_graph_from_ending(tmp_path: Path, shape: str, seed: int) -> None:
    rng, seen, due = random.Random(seed), set[Path](), list[float]()
    folders = ["in", "more"][: 2 if shape == "merge" else 1]
    names = {f"{folder}-{n:02d}.bin" for folder in folders for n in range(40 // len(folders))}
    for folder in folders:
        (tmp_path / folder).mkdir()
    for name in names:
        (tmp_path / name.partition("-")[0] / name).write_bytes(name.encode())

    def storm() -> None:
        for mark in set(graph.run.glob("*.done")) - seen:
            seen.add(mark)
            due.extend(time.monotonic() + rng.choice([0, 0, 0.002, 0.01, 0.05, 0.3, 0.5]) for _ in range(1 + seed % 3))
        for when in [when for when in due if when < time.monotonic()]:
            due.remove(when)
            graph.kill_one(rng, *folders, "filter", "sink")

    with Graph(tmp_path) as graph:
        for folder in folders:
            graph.node(folder, SOURCE_OF_FILES, f"--folder={folder}", push="frames")
        grants = [f"--grant={tmp_path / folder}" for folder in folders]
        graph.node("filter", PASS_ON, *grants, pull="frames", push="results", replicas=3)
        graph.node("sink", SINK, pull="results", replicas=2)
        graph.start()
        graph.finish(storm)
        assert graph.saved() == {name: f"{name}+".encode() for name in names}
        assert not [file for folder in folders for file in (tmp_path / folder).iterdir()]
        assert any(-signal.SIGKILL in codes for codes in graph.codes.values())


def test_a_filter_that_stands_still_for_3_s_loses_its_messages_to_the_others_and_nobody_is_blamed(
    tmp_path: Path,
) -> None:
    slow = PASS_ON.replace("        yield", "        time.sleep(0.01)\n        yield").replace("\n", "import time\n", 1)
    with Graph(tmp_path) as graph:
        chain(graph, 300, code=slow)
        graph.start()
        until(lambda: graph.count() > 20, PATIENCE, "the first frames")
        graph.signal("filter.2", signal.SIGSTOP)
        stopped = time.monotonic()
        until(lambda: graph.saved() == expected(300), PATIENCE, "the frames of the filter that stands still")
        until(lambda: time.monotonic() - stopped > 3.0, what="3 s")
        graph.signal("filter.2", signal.SIGCONT)
        graph.finish()
        assert graph.saved() == expected(300)
        assert set(graph.codes) == {"source.1", "filter.1", "filter.2", "filter.3", "sink.1"}
        assert all(codes == [0] for codes in graph.codes.values())
        assert "gives up" not in graph.log("source.1")
        assert graph.books("source.1")["done"] == 300
