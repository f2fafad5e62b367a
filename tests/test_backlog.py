"""What a source cannot send is counted: files that wait while nobody pulls, and frames that a live source lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import until
from tests.wiring import PATIENCE, SINK, Graph

WATCHER = """
from nodes.watcher import watcher as real

def watcher(*, folder="spool"):
    yield from real(folder=folder)
"""


ON_WIRE = """
from bus import drop, Message

def source(*, count=100):
    for number in range(count):
        if number % 4:
            yield Message(b"x", stream="s", number=number, name=f"s-{number:06d}.bin")
        else:
            drop(1)
"""


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    (tmp_path / "spool").mkdir()
    with Graph(tmp_path) as graph:
        yield graph


def add(graph: Graph, count: int, name: str = "a") -> None:
    for number in range(count):
        fresh = graph.folder / "fresh"
        fresh.write_bytes(b"x")
        fresh.rename(graph.folder / "spool" / f"{name}-{number:05d}.jpg")


def backlog(graph: Graph) -> int:
    return graph.counts("watcher.1", "backlog")


def waits(graph: Graph, count: int) -> None:
    """`count` files are counted, where one is on the way: it waits for room on a wire."""
    until(lambda: backlog(graph) == count, PATIENCE, f"{count} waiting, and not {backlog(graph)}")
    assert graph.books("watcher.1")["on_the_way"] <= 1


def cpu(graph: Graph) -> float:
    fields = Path(f"/proc/{graph._processes['watcher.1'].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_files_are_counted_as_they_come_while_nobody_pulls_and_all_of_them_go_when_somebody_does(graph: Graph) -> None:
    graph.node("watcher", WATCHER, push="frames")
    graph.node("sink", SINK, f"--grant={graph.folder}", pull="frames")
    graph.start("watcher")
    add(graph, 20)
    waits(graph, 19)
    for number in range(1, 6):
        add(graph, 100, f"b{number}")
        waits(graph, 19 + 100 * number)
    graph.start("sink")
    until(lambda: backlog(graph) == 0 and graph.books("watcher.1")["done"] == 520, PATIENCE)
    counted = graph.books("watcher.1")
    assert (counted["taken"], counted["on_the_way"], counted["blocked_ns"] > 5e8) == (520, 0, True)


def test_what_an_earlier_life_had_claimed_is_counted_with_what_came_since(graph: Graph) -> None:
    graph.node("watcher", WATCHER, push="frames")
    graph.node("sink", SINK, f"--grant={graph.folder}", pull="frames")
    add(graph, 10)
    (graph.folder / "spool" / ".taken").mkdir()
    for number in range(5):
        (graph.folder / f"spool/a-{number:05d}.jpg").rename(graph.folder / f"spool/.taken/a-{number:05d}.jpg")
    graph.start("watcher")
    waits(graph, 9)
    add(graph, 7, "b")
    waits(graph, 16)
    graph.signal("watcher.1")
    graph.wait("watcher.1")
    graph.start("watcher")
    waits(graph, 16)
    graph.start("sink")
    until(lambda: backlog(graph) == 0 and graph.books("watcher.1")["done"] == 17, PATIENCE)


def test_what_waits_is_said_to_the_next_life_when_the_watcher_is_stopped(graph: Graph) -> None:
    graph.node("watcher", WATCHER, push="frames")
    graph.node("sink", SINK, f"--grant={graph.folder}", pull="frames")
    graph.start("watcher")
    add(graph, 50)
    waits(graph, 49)
    graph.signal("watcher.1", signal.SIGTERM)
    assert graph.wait("watcher.1") == 0
    assert backlog(graph) + graph.books("watcher.1")["on_the_way"] == 50


def test_the_cost_of_a_file_is_the_same_however_many_wait(graph: Graph) -> None:
    graph.node("watcher", WATCHER, push="frames")
    graph.node("sink", SINK, f"--grant={graph.folder}", pull="frames")
    graph.start("watcher")
    add(graph, 2)
    waits(graph, 1)
    costs, total = [], 1
    for batch in ("b", "c", "d", "e"):
        before = cpu(graph)
        add(graph, 5000, batch)
        total += 5000
        waits(graph, total)
        costs.append((cpu(graph) - before) / 5000)
    assert max(costs) < 200e-6, costs  # seconds of CPU a file
    assert costs[-1] < 3 * costs[0] + 20e-6, costs


def test_frames_that_a_full_folder_makes_a_live_source_drop_are_counted_as_lost(graph: Graph) -> None:
    program = [sys.executable, "-m", "nodes.splitter", "--source=test:forever", "--folder=spool", "--size=64x36"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [*program, "--budget=5", "--name=splitter.1", f"--run={graph.run}"],
        cwd=graph.folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as splitter:
        until(lambda: graph.counts("splitter.1", "lost") > 20, PATIENCE)
        splitter.send_signal(signal.SIGTERM)
        said = splitter.communicate(timeout=PATIENCE)[0]
    counted = graph.books("splitter.1")
    assert counted["lost"] == counted["dropped"] == counted["taken"] > 20
    assert len(list((graph.folder / "spool").glob("*.jpg"))) == counted["made"] == 5
    assert f"dropped {counted['lost'] - 1} frames" in said or f"{counted['lost']} so far" in said


def test_what_a_source_says_that_it_dropped_is_lost_and_the_sums_balance(graph: Graph) -> None:
    graph.node("source", ON_WIRE, push="frames")
    graph.node("sink", SINK, f"--grant={graph.folder}", pull="frames")
    graph.start()
    graph.finish()
    counted = graph.books("source.1")
    assert (counted["taken"], counted["done"], counted["dropped"], counted["lost"]) == (100, 75, 25, 25)
