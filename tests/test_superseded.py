"""Two lives of one replica at once: the newest goes on, the others end, and nothing is lost or blamed."""

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from bus.superseded import SUPERSEDED
from tests.conftest import until
from tests.doubled import Doubled
from tests.peers import bench, node
from tests.strangers import raw
from tests.wiring import PATIENCE, SINK, expected

COUNT = 900
SOON = 10.0  # seconds on a busy machine

SOURCE = """
import time
from bus import Message

def source(*, count=100):
    for number in range(count):
        yield Message(b"%d" % number, stream="s", number=number, name=f"s-{number:06d}.bin")
        time.sleep(0.002)
"""

WORK = """
import time

def work(frames):
    for frame in frames:
        time.sleep(0.002)
        yield frame.replace(frame.bytes + b"+")
"""


@pytest.fixture
def worker(worker_id: str) -> str:
    return worker_id


def flow(folder: Path, worker: str, far: str, *, tcp: bool) -> Doubled:
    """Source, work and sink, of which `far` is on another machine."""
    graph = Doubled(folder, worker, far, tcp=tcp)
    graph.node("source", SOURCE, f"--count={COUNT}", push="a")
    graph.node("work", WORK, pull="a", push="b")
    graph.node("sink", SINK, pull="b")
    return graph


def saved(graph: Doubled) -> int:
    return len([*graph.out.glob("s-*")]) if graph.out.exists() else 0


def await_more(graph: Doubled, count: int, seconds: float = PATIENCE) -> None:
    enough = saved(graph) + count
    until(lambda: saved(graph) >= enough, seconds, f"{count} more results")


def ends(graph: Doubled, replica: str, old: subprocess.Popen[bytes]) -> None:
    """The old life has noticed that another one has come, and said so."""
    until(lambda: old.poll() is not None, SOON, "the end of the old life")
    assert old.returncode == SUPERSEDED
    assert "is superseded: another life of" in graph.log(replica)


def finishes(graph: Doubled, far: str) -> None:
    graph.finish()
    assert graph.saved() == expected(COUNT)
    assert all(codes == [0] for codes in graph.codes.values()), graph.codes
    assert not (graph.folder / "dead-letters").exists()
    if far != "source":
        assert graph.books("source.1")["done"] == COUNT


@pytest.mark.parametrize(
    ("far", "tcp"),
    [("source", True), ("work", True), ("sink", True), ("source", False), ("work", False), ("sink", False)],
)
def test_the_newest_of_several_living_lives_goes_on_and_the_others_end(
    tmp_path: Path, worker: str, far: str, tcp: bool
) -> None:
    with flow(tmp_path, worker, far, tcp=tcp) as graph:
        graph.start()
        await_more(graph, 50)
        for _ in range(2):
            old = graph.begin_anew(f"{far}.1")
            ends(graph, f"{far}.1", old)
        await_more(graph, 50, SOON)
        finishes(graph, far)


def blames(graph: Doubled) -> list[str]:
    """What the ends that bind say of strangers."""
    return [line for end in ("source.1", "sink.1") for line in graph.log(end).splitlines() if "refuses" in line]


def test_lives_that_are_killed_or_superseded_again_and_again_are_no_strangers_and_one_that_is_is_refused(
    tmp_path: Path, worker: str
) -> None:
    with flow(tmp_path, worker, "work", tcp=True) as graph:
        graph.start()
        await_more(graph, 20)
        for _ in range(5):
            graph.signal("work.1")
            graph.begin_anew("work.1")
            await_more(graph, 20)
        for _ in range(2):
            ends(graph, "work.1", graph.begin_anew("work.1"))
        assert blames(graph) == []
        for _ in range(3):
            port = graph.port("a", "source.1", "work.1")
            with raw(port, b"GET / HTTP/1.1\r\n\r\n") as stranger, suppress(ConnectionResetError):
                until(lambda one=stranger: not one.recv(1000), SOON, "that it is closed")  # type: ignore[misc]
        finishes(graph, "work")
        assert [graph.books(end)["refused"] for end in ("source.1", "sink.1")] == [3, 0]
        assert blames(graph) == ['refuses a connection that did not show a key on "a", where work.1 is let in']


@pytest.mark.parametrize("far", ["source", "work", "sink"])
def test_a_life_that_was_frozen_when_another_came_holds_nothing_up_and_ends_when_it_wakes(
    tmp_path: Path, worker: str, far: str
) -> None:
    with flow(tmp_path, worker, far, tcp=True) as graph:
        graph.start()
        await_more(graph, 50)
        graph.signal(f"{far}.1", signal.SIGSTOP)
        old = graph.begin_anew(f"{far}.1")
        await_more(graph, 1)  # it has come
        if far != "source":  # which makes again what is there
            await_more(graph, 200, SOON)
        assert old.poll() is None
        old.send_signal(signal.SIGCONT)
        ends(graph, f"{far}.1", old)
        finishes(graph, far)


@pytest.mark.parametrize("tcp", [True, False])
@pytest.mark.parametrize("last", ["old", "new"])
@pytest.mark.parametrize(("pusher", "far"), [("source", "work"), ("work", "sink")])
def test_a_pusher_that_restarts_while_two_lives_live_may_take_either_for_the_newest_and_all_arrives(
    tmp_path: Path, worker: str, pusher: str, far: str, last: str, tcp: bool
) -> None:
    with flow(tmp_path, worker, far, tcp=tcp) as graph:
        graph.start()
        await_more(graph, 50)
        graph.signal(f"{far}.1", signal.SIGSTOP)
        old = graph.begin_anew(f"{far}.1")
        await_more(graph, 50)
        if last == "new":
            still = {f"{far}.1", "sink.1"}
            for replica in {*still, f"{pusher}.1"}:  # who knows which is the older one would say so
                graph.signal(replica, signal.SIGSTOP)
            old.send_signal(signal.SIGCONT)
            graph.restart(f"{pusher}.1")
            for replica in still:
                graph.signal(replica, signal.SIGCONT)
        else:
            graph.restart(f"{pusher}.1")
            old.send_signal(signal.SIGCONT)
        graph.finish()
        assert graph.saved() == expected(COUNT)
        until(lambda: old.poll() is not None, SOON, "the end of the old life")
        assert not (graph.folder / "dead-letters").exists()
        assert old.returncode == SUPERSEDED
        *lives, at_last = graph.codes[f"{far}.1"]
        assert at_last == 0 and {*lives} <= {SUPERSEDED}, graph.codes
        assert last == "old" or not lives, "the newest was heard last, and yet had to go"
        assert graph.books("source.1")["done"] == COUNT


def test_a_puller_that_speaks_again_after_another_life_of_it_is_told_that_it_is_over() -> None:
    with bench() as b:
        _, [far] = b.push("pull.1")
        far.say(open=[], incarnation="one")
        b.until(lambda: far.hear() or far.pings)
        far.say(open=[], incarnation="two")
        far.say(open=[], incarnation="one")
        b.until(lambda: far.hear() or [ping for ping in far.pings if ping.get("gone") == "one"])
        assert not [ping for ping in far.pings if ping.get("gone") == "two"]


def test_a_pusher_that_speaks_again_after_another_life_of_it_is_told_that_it_is_over() -> None:
    with bench() as b:
        _, far, _ = b.pull()
        far.ping(1, epoch="one")
        b.until(lambda: far.last().get("epoch") == "one")
        far.ping(1, epoch="two")
        far.ping(2, epoch="one")
        b.until(lambda: [state for state in far.hear() if state.get("gone") == "one"])
        assert far.last()["epoch"] == "two"


def test_who_hears_that_it_is_over_stops_and_who_hears_it_of_another_goes_on() -> None:
    with node(outputs=1) as n:
        n.far.ping(1, gone="another")
        n.beyond[0].say(open=[], gone="another")
        n.until(lambda: n.far.last().get("echo") == 1)
        assert not n.superseded.by
        n.far.ping(2, gone=n.far.last()["incarnation"])

        def is_over() -> str:
            with n.hub.lock:
                n.hub.serve()
            return n.superseded.by

        until(is_over, SOON, "its end")
        assert n.hub.stopping
