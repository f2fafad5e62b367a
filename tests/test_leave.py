"""SIGUSR1: a replica leaves, and what it has not begun is done by others, once."""

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import until
from tests.wiring import PATIENCE, SOURCE, Graph, expected

COUNTED = """
import os, time

def counted(frames, *, slow=0.0):
    for frame in frames:
        with open(f"begun.{os.getpid()}", "a") as file:
            print(frame.name, file=file)
        time.sleep(slow)
        yield frame.replace(frame.bytes + b"+")
"""

SINK = """
import os

def sink(frames):
    os.makedirs("out", exist_ok=True)
    for frame in frames:
        with open("sunk", "a") as file:
            print(frame.name, file=file)
        with open(f"out/{frame.name}", "wb") as file:
            file.write(frame.bytes)
"""

SLOW_SINK = SINK.replace("    for frame in frames:\n", "    for frame in frames:\n        time.sleep(0.02)\n").replace(
    "import os\n", "import os, time\n"
)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return Graph(tmp_path)


def lines(graph: Graph, pattern: str) -> Counter[str]:
    return Counter(line for file in graph.folder.glob(pattern) for line in file.read_text().splitlines())


def leave(graph: Graph, replica: str) -> None:
    """It leaves, and its launcher lets nobody wait for it."""
    graph.signal(replica, signal.SIGUSR1)
    assert graph.wait(replica) == 0
    assert not graph.ended(replica)
    (graph.run / f"{replica}.done").write_text("{}")


def has_begun(graph: Graph, count: int) -> None:
    until(lambda: sum(lines(graph, "begun.*").values()) >= count, PATIENCE, f"{count} messages")


@pytest.mark.parametrize("sink", [SINK, SLOW_SINK], ids=["quick", "blocked"])
def test_each_message_is_executed_once_when_a_replica_leaves_in_the_middle(graph: Graph, sink: str) -> None:
    count = 3000 if sink is SINK else 500
    with graph:
        graph.node("source", SOURCE, f"--count={count}", push="a")
        graph.node("counted", COUNTED, pull="a", push="b", replicas=3)
        graph.node("sink", sink, pull="b")
        graph.start()
        for number, begun in enumerate((count // 5, count // 2), 1):
            has_begun(graph, begun)
            leave(graph, f"counted.{number}")
            assert "leaves: takes no more" in graph.log(f"counted.{number}")
        graph.finish()
        names = expected(count)
        for place in ("begun.*", "sunk"):
            assert lines(graph, place) == Counter([*names]), place
        assert graph.saved() == names


BUSY = """
import os, time

def busy(frames, *, flag=""):
    try:
        for frame in frames:
            with open("begun", "a") as file:
                print(frame.name, file=file)
            while frame.number == 0 and not os.path.exists(flag):
                time.sleep(0.02)
            yield frame.replace(frame.bytes + b"+")
        print("went on as if its input had ended")
    finally:
        print("cleans up")
"""


def test_what_waits_is_done_by_others_while_user_code_still_computes(graph: Graph) -> None:
    flag = graph.folder / "flag"
    with graph:
        graph.node("source", SOURCE, "--count=100", push="a")
        graph.node("busy", BUSY, f"--flag={flag}", pull="a", push="b", replicas=2)
        graph.node("sink", SINK, pull="b")
        graph.start("sink", "source")
        graph.start_replica("busy.1")
        until(lambda: "s-000000.bin" in lines(graph, "begun"), PATIENCE, "a message in hand")
        graph.signal("busy.1", signal.SIGUSR1)
        until(lambda: "leaves: takes no more" in graph.log("busy.1"), PATIENCE, "the wish to be heard")
        graph.start_replica("busy.2")
        until(lambda: sum(lines(graph, "sunk").values()) == 99, PATIENCE, "all others")
        graph.signal("busy.1", signal.SIGUSR1)  # again, which changes nothing
        flag.touch()
        assert (graph.wait("busy.1"), graph.ended("busy.1")) == (0, False)
        assert graph.log("busy.1").splitlines()[1:] == ["cleans up"]
        (graph.run / "busy.1.done").write_text("{}")
        graph.finish()
        assert lines(graph, "begun") == lines(graph, "sunk") == Counter([*expected(100)])


def test_a_stop_while_it_leaves_ends_it_at_once(graph: Graph) -> None:
    with graph:
        graph.node("source", SOURCE, "--count=100", push="a")
        graph.node("busy", BUSY, f"--flag={graph.folder}", pull="a", push="b")
        graph.node("sink", SINK, pull="b")
        graph.start("busy", "source")  # without anybody to take what it makes
        until(lambda: lines(graph, "begun"), PATIENCE, "a message in hand")
        graph.signal("busy.1", signal.SIGUSR1)
        until(lambda: "leaves: takes no more" in graph.log("busy.1"), PATIENCE, "the wish to be heard")
        assert "cleans up" not in graph.log("busy.1")
        graph.signal("busy.1", signal.SIGTERM)
        assert graph.wait("busy.1") == 0
        assert graph.log("busy.1").splitlines()[-1] == "cleans up"
        assert not graph.ended("busy.1")


ENDLESS = """
import time
from bus import Message

def endless():
    number = 0
    try:
        while True:
            yield Message(b"%d" % number, stream="s", number=number, name=f"s-{number:06d}.bin")
            number += 1
            with open("made", "w") as file:
                print(number, file=file)
            time.sleep(0.001)
    finally:
        print("cleans up")
"""


def test_a_source_leaves_at_its_next_yield_and_when_all_it_made_is_finished(graph: Graph) -> None:
    with graph:
        graph.node("endless", ENDLESS, push="a")
        graph.node("sink", SINK, pull="a")
        graph.start()
        until(lambda: len(lines(graph, "sunk")) > 50, PATIENCE, "a flow")
        leave(graph, "endless.1")
        assert graph.log("endless.1").splitlines()[-1] == "cleans up"
        sunk = lines(graph, "sunk")  # it has waited for that
        graph.finish()
        assert lines(graph, "sunk") == sunk == Counter([*expected(len(sunk), marks="")])
        assert int((graph.folder / "made").read_text()) == len(sunk) - 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_source_that_never_has_to_wait_goes_when_it_is_told_to(graph: Graph, number: signal.Signals) -> None:
    with graph:
        graph.node("endless", ENDLESS, push="a")
        graph.node("sink", SINK, pull="a")
        graph.wire("a", ",keep=latest")
        graph.start()
        until(lambda: len(lines(graph, "sunk")) > 50, PATIENCE, "a flow")
        graph.signal("endless.1", number)
        assert graph.wait("endless.1") == 0
        assert graph.log("endless.1").splitlines()[-1] == "cleans up"


def test_a_node_that_has_ended_when_it_is_asked_leaves_with_its_mark(graph: Graph) -> None:
    flag = graph.folder / "flag"
    with graph:
        graph.node("source", SOURCE, "--count=1", push="a")
        graph.node("busy", BUSY, f"--flag={flag}", pull="a", push="b")
        graph.node("sink", SINK, pull="b")
        graph.start()
        until(lambda: lines(graph, "begun"), PATIENCE, "the only message in hand, and its source at its end")
        graph.signal("source.1", signal.SIGUSR1)
        until(lambda: "leaves: takes no more" in graph.log("source.1"), PATIENCE, "the wish to be heard")
        flag.touch()
        assert graph.wait("source.1") == 0
        assert graph.ended("source.1")
        graph.finish()
