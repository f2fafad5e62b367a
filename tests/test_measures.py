"""What nodes measure of themselves is true: known times, known drops, known waits, and sums that survive kills."""

import json
import os
import random
import time
from pathlib import Path

import pytest

from bus import books
from bus.books import PER_OCTAVE, Reading
from tests.conftest import until
from tests.peers import META, node
from tests.wiring import SINK, SOURCE, Graph

TIMES = ("waiting_ns", "working_ns", "blocked_ns")
WIDTH = 2 ** (1 / PER_OCTAVE)  # of a bucket of a histogram

SLEEPS = """
import json
import time
from pathlib import Path

def sleeps(frames, *, seconds=0.02):
    took = []
    for frame in frames:
        began = time.monotonic()
        time.sleep(seconds)
        took.append(time.monotonic() - began)
        yield frame
    Path("took").write_text(json.dumps(took))  # on a busy machine that is longer
"""

SAVES = """
import time
from bus import outside

def saves(frames):
    for frame in frames:
        with outside("saves"):
            time.sleep(0.05)  # stands for a disk
        yield frame
"""

PICKY = """
def picky(frames):
    for frame in frames:
        if frame.number % 10 == 0:
            frame.reject("a ten")
        elif frame.number % 3:
            yield frame
"""

FAILS = """
tried = set()

def fails(frames):
    for frame in frames:
        if frame.number % 7 == 0 and frame.number not in tried:
            tried.add(frame.number)
            raise ValueError("not at first")
        yield frame
"""

PACED = """
import time
from bus import Message, idle

def source(*, count=20, pause=0.1):
    for number in range(count):
        with idle():
            time.sleep(pause)
        yield Message(b"x", stream="s", number=number, name=f"s-{number:06d}.bin")
"""


def read(graph: Graph, replica: str, *wires: str) -> Reading:
    return books.read_whole(graph.run / f"{replica}.books", wires)


def shares(reading: Reading) -> tuple[float, float, float]:
    """How the time was spent: waiting, working, blocked, in parts of their sum."""
    times = [reading.counters[name] for name in TIMES]
    waiting, working, blocked = (each / sum(times) for each in times)
    return waiting, working, blocked


def counted(graph: Graph, replica: str) -> float:
    """The seconds that `replica` has counted so far."""
    try:
        counters = books.read(graph.run / f"{replica}.books")
    except (FileNotFoundError, ValueError):  # ValueError: they are being made
        return 0.0
    return sum(counters[name] for name in TIMES) / 1e9


def test_a_filter_that_sleeps_shows_how_long_and_everybody_where_the_time_went(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=100", push="frames")
        graph.node("filter", SLEEPS, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        source, middle = read(graph, "source.1", "frames"), read(graph, "filter.1", "results")
        sink = read(graph, "sink.1")

    assert sum(middle.histograms["work"]) == 100
    took = sorted(json.loads((tmp_path / "took").read_text()))
    for q in (0.1, 0.5, 0.9):
        assert 1 / WIDTH < books.quantile(middle.histograms["work"], q) / took[int(q * 100)] < WIDTH * 1.15, q
    assert books.quantile(sink.histograms["work"], 0.5) < 0.01
    assert sum(took) < middle.counters["working_ns"] / 1e9 < 1.5 * sum(took)
    assert shares(source)[2] > 0.6, "the source is blocked by the filter"
    assert shares(sink)[0] > 0.6, "the sink waits for the filter"
    for histogram in ("age", "hop"):
        assert sum(middle.histograms[histogram]) == sum(sink.histograms[histogram]) == 100
    assert books.quantile(sink.histograms["age"], 0.5) > 0.02, "since the capture"
    assert books.quantile(sink.histograms["hop"], 0.5) < books.quantile(sink.histograms["age"], 0.1), "since the filter"
    assert books.quantile(middle.histograms["hop"], 0.5) > 0.1, "eight wait in front of the filter"
    assert sum(source.histograms["latency"]) == 100


def test_what_a_disk_takes_of_the_time_of_a_node_is_known(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=10", push="frames")
        graph.node("filter", SAVES, pull="frames", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        counters = read(graph, "filter.1", "results").counters
    assert 10 * 0.05 <= counters["disk_ns"] / 1e9 <= counters["working_ns"] / 1e9


def test_the_shares_add_up_to_the_time_that_the_node_lived(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", PACED, push="frames")
        graph.node("sink", SINK, pull="frames")
        graph.start()
        replicas = ("source.1", "sink.1")
        until(lambda: all(counted(graph, name) for name in replicas))
        began = time.monotonic()
        before = {name: counted(graph, name) for name in replicas}
        until(lambda: time.monotonic() - began > 1.5)
        lived = {name: counted(graph, name) - before[name] for name in replicas}
        took = time.monotonic() - began
        graph.finish()
        source = read(graph, "source.1", "frames")
    for seconds in lived.values():
        assert seconds == pytest.approx(took, abs=0.6), "to a beat"  # of 0.5 s
    assert shares(source)[0] > 0.8, "a source that says that it is idle waits"
    assert 2.0 <= sum(source.counters[name] for name in TIMES) / 1e9 < 6.0


def test_drops_rejects_and_failures_are_counted_exactly(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=210", push="frames")
        graph.node("picky", PICKY, pull="frames", push="chosen")
        graph.node("fails", FAILS, pull="chosen", push="results")
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish()
        source, picky, fails = graph.books("source.1"), graph.books("picky.1"), graph.books("fails.1")
    rejected = [n for n in range(210) if n % 10 == 0]
    unwanted = [n for n in range(210) if n % 10 and n % 3 == 0]
    chosen = [n for n in range(210) if n % 10 and n % 3]
    assert (picky["rejected"], picky["unwanted"], picky["failures"]) == (len(rejected), len(unwanted), 0)
    assert (source["dead"], source["dropped"], source["done"]) == (len(rejected), len(unwanted), len(chosen))
    assert fails["failures"] == sum(n % 7 == 0 for n in chosen)
    assert (fails["unwanted"], fails["rejected"]) == (0, 0)


def test_a_wire_tells_what_went_out_and_what_waits_while_nobody_pulls(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=50", push="frames")
        graph.node("sink", SINK, pull="frames")
        began = time.time_ns()
        graph.start("source")
        until(lambda: wire_of(graph)["unfinished"])
        waits = wire_of(graph)
        assert (waits["queued"], waits["unfinished"], waits["sent"], waits["pullers"]) == (1, 1, 0, 0)
        assert began < waits["oldest"] < time.time_ns()
        until(lambda: graph.books("source.1")["blocked_ns"] > 5e8)
        graph.start("sink")
        graph.finish()
        rests = wire_of(graph)
    assert (rests["queued"], rests["unfinished"], rests["oldest"]) == (0, 0, 0)
    assert (rests["sent"], rests["bytes"]) == (50, 10 + 40 * 2)


def wire_of(graph: Graph) -> dict[str, int]:
    try:
        return read(graph, "source.1", "frames").wires["frames"]
    except (FileNotFoundError, ValueError):  # ValueError: they are being made
        return dict.fromkeys(books.WIRE, 0)


def test_the_sums_balance_after_kills_of_every_node(tmp_path: Path) -> None:
    rng, kills, due = random.Random(2), 0, time.monotonic() + 0.5

    def kill() -> None:
        nonlocal kills, due
        if time.monotonic() > due and kills < 12:
            due += rng.uniform(0.05, 0.2)
            kills += graph.kill_one(rng, "picky", "sink")

    with Graph(tmp_path) as graph:
        graph.node("source", SOURCE, "--count=2100", push="frames")
        graph.node("picky", PICKY, pull="frames", push="results", replicas=2)
        graph.node("sink", SINK, pull="results")
        graph.start()
        graph.finish(kill)
        source, wire = graph.books("source.1"), wire_of(graph)
        picky = [read(graph, f"picky.{number}", "results") for number in (1, 2)]
        sink = read(graph, "sink.1")
    assert kills >= 5
    assert (source["dead"], source["dropped"], source["done"]) == (210, 630, 1260)
    assert (source["taken"], source["on_the_way"], wire["unfinished"]) == (2100, 0, 0)
    assert wire["sent"] >= 2100
    for reading in [*picky, sink]:
        counters, let_go = reading.counters, sum(reading.histograms["work"])
        assert 0 <= counters["received"] - let_go <= kills, "each kill may come between two counters, once"
        assert sum(reading.histograms["age"]) >= let_go
        assert min(counters.values()) >= 0
    assert 630 <= sum(reading.counters["unwanted"] for reading in picky) <= 630 + 16 * kills
    assert 210 <= sum(reading.counters["rejected"] for reading in picky) <= 210 + 16 * kills


def test_age_and_hop_go_by_the_clocks_of_the_hosts(tmp_path: Path) -> None:
    with node() as n:
        clocks, hour = n.folder / "clocks.json", 3600 * 10**9
        clocks.write_text(json.dumps({"far.1": -hour, "maker.1": hour}))
        n.measures.beat()
        now = time.time_ns()
        hops = [("maker.1", now - hour), ("far.1", now + hour)]
        n.far.give(1, meta={**META, "captured": now - hour - 4 * 10**9, "hops": hops})
        n.until(lambda: n.frames.waits)
        assert next(n.frames).number == 1
        n.measures.let_go(n.frames.taken[0])
        read = books.read_whole(n.folder / "node.1.books")
        assert 4 / WIDTH < books.quantile(read.histograms["age"], 0.5) < 60
        assert books.quantile(read.histograms["hop"], 0.5) < 60  # and no hour

        clocks.write_text("{")
        os.utime(clocks, ns=(0, 1))
        n.measures.beat()
        assert n.measures.clocks.ours("far.1", hour) == 0, "a file that is torn changes nothing"
        clocks.write_text(json.dumps({"far.1": 1.5}))
        n.measures.beat()
        assert n.measures.clocks.ours("far.1", hour) == 0, "nor one that is wrong"
        clocks.unlink()
        n.measures.beat()
        assert n.measures.clocks.ours("far.1", hour) == hour


def test_a_time_that_cannot_be_because_clocks_are_apart_is_not_taken_for_a_short_one() -> None:
    with node() as n:
        now = time.time_ns()
        n.far.give(
            1, meta={**META, "captured": now + 10**9, "hops": [("maker.1", now + 10**9), ("far.1", now + 10**9)]}
        )
        n.until(lambda: n.frames.waits)
        assert next(n.frames).number == 1
        n.measures.let_go(n.frames.taken[0])
        read = books.read_whole(n.folder / "node.1.books")
    assert {name: sum(counts) for name, counts in read.histograms.items()} == {
        "latency": 0, "age": 0, "hop": 0, "work": 1,
    }  # fmt: skip
