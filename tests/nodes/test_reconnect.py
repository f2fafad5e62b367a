"""A whole graph on a live source that goes away, freezes, hangs and changes: it flows again, with fresh frames only."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from tests.conftest import until
from tests.launch import Launch, processes_in
from tests.servers import Server
from tests.servers_clock import age
from tests.together import together

PATIENCE = 3.0  # seconds that the splitter has in these graphs
AWAY = 3.0  # seconds that a server is away, where the test needs no more
AGAIN = 5.0  # seconds after the source's return within which the graph must flow again
START = 1.0  # seconds that a splitter takes to be ready where nothing else runs: what it takes longer, all takes longer
LATE = 1.5  # seconds from the drawing of a frame to its result, at most
SEGMENTS = 3.0  # seconds more where a stream comes in segments of a second: one is being read, one is just finished
BEFORE, LIMIT = 10, 40  # results that there must be before it happens, and in all
OUTAGE = "opens it again until it is there"
SLOW = re.compile(r"dropped (\d+) frames of \S+?:(?: the graph is slower|.*so far: the graph is slower)")
READY = re.compile(r"splitter +\| ready after ([0-9.]+) s")
ENDED = re.compile(r"graph +\| .*converted (\d+), dead letters (\d+), dropped (\d+), lost (\d+), waiting (\d+)")


class Result(NamedTuple):
    """One converted frame."""

    number: int
    at: float  # seconds since the epoch
    drawn: float  # likewise, as the picture shows
    size: tuple[int, int]

    @property
    def age(self) -> float:
        return self.at - self.drawn


class Graph(Launch):
    """The usual graph on a live source; it ends by itself after `limit` frames."""

    def __init__(self, folder: Path, source: str, limit: int = LIMIT) -> None:
        splitter = [f"source={source}", f"patience={PATIENCE}", "stream=gate", f"limit={limit}"]
        words = [*(f"splitter.{word}" for word in splitter), "converter.filter=grayscale", "converter.replicas=1"]
        super().__init__(folder, *words)
        self._limit = limit
        self._torn = 0
        self._read: dict[Path, Result] = {}

    def __enter__(self) -> "Graph":
        return self

    def results(self) -> list[Result]:
        for file in set((self.folder / "converted").glob("*.jpg")) - self._read.keys():
            at = file.stat().st_mtime
            with Image.open(file) as picture:
                self._read[file] = Result(int(file.stem[-8:]), at, round(at, 3) - self._age(picture, at), picture.size)
        return sorted(self._read.values())

    def _age(self, picture: Image.Image, at: float) -> float:
        """How old the picture is; the last before a stream breaks off may be torn, and tells nothing."""
        try:
            return age(picture, at)
        except ValueError:
            self._torn += 1
            return 0.0

    def flows(self, count: int = BEFORE, seconds: float = 20.0) -> None:
        until(lambda: len(self.results()) >= count, seconds, f"{count} results: {self.output[-2000:]}")

    def flows_again(self, since: float, seconds: float = AGAIN) -> None:
        """There is a result that is younger than `since`, soon."""
        seconds += self.slowness
        left = since + seconds - time.time()
        until(lambda: self.after(since), left, f"a result within {seconds} s: {self.output[-3000:]}")

    @property
    def slowness(self) -> float:
        """Seconds that whatever is to be soon may take longer here, as this machine is busy with other things."""
        return 2 * max(0.0, float(READY.findall(self.output)[0]) - START)

    def after(self, since: float) -> list[Result]:
        return [result for result in self.results() if result.at > since]

    def said(self, words: str) -> list[str]:
        return [line for line in self.output.splitlines() if words in line]

    def decoder(self) -> int:
        """The process that decodes."""
        running = processes_in(self.folder).items()
        return until(
            lambda: next((pid for pid, words in running if "media.decoding.decoder" in words), 0), 10, "a decoder"
        )

    def balances(self) -> None:
        """It ends in order; each frame that was on disk has a result, and what was dropped is said."""
        assert self.ends(60) == 0, self.output
        summary = ENDED.search(self.output)
        assert summary, self.output
        converted, dead, dropped, lost, waiting = (int(figure) for figure in summary.groups())
        numbers = [result.number for result in self.results()]
        slow = sum(int(count) for count in SLOW.findall(self.output))
        assert (converted, dead, lost, waiting) == (len(numbers), 0, 0, 0), self.output
        assert (len(numbers) + slow, dropped >= slow) == (self._limit, True), self.output
        assert self._torn <= 1
        times = [round(result.drawn, 3) for result in self.results()]
        assert times == sorted(set(times))  # no picture comes again, and none after a newer one


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    yield


def away(graph: Graph, seconds: float, since: float) -> None:
    """Wait until the splitter has noticed, and the time is over; nothing came meanwhile."""
    graph.says(OUTAGE, 30)
    until(lambda: time.time() > since + seconds, seconds + 1)


def fresh(graph: Graph, since: float, late: float = LATE) -> None:
    """All that came since is new."""
    ages = [result.age for result in graph.after(since)]
    assert len(ages) > 10
    assert max(ages) < late + graph.slowness, ages


def outages(graph: Graph, reason: str) -> None:
    """One line says that the source went, and why; one says that it is back."""
    [line] = graph.said(OUTAGE)
    assert re.search(reason, line), line
    [_] = graph.said("is back after")


class Killed(NamedTuple):
    kind: str
    seconds: float  # that the server is away
    reason: str  # that is given


KILLED = [
    Killed("rtsp", 20.0, "has ended|broke off|no frame came"),
    Killed("ts", AWAY, "has ended|broke off"),
    Killed("hls", AWAY, "has ended|broke off|no frame came"),
    Killed("udp", AWAY, "no(thing|.*frame) came"),
    Killed("srt", AWAY, "."),
]


def test_a_server_that_was_killed_and_comes_back_is_read_again(tmp_path: Path) -> None:
    together(killed, KILLED, tmp_path)


def killed(folder: Path, case: Killed) -> None:
    with Server(case.kind) as server, Graph(folder, server.address) as graph:
        graph.flows()
        server.kill()
        away(graph, case.seconds, time.time())
        server.start()
        back = time.time()
        graph.flows_again(back)
        graph.balances()
        fresh(graph, back, LATE + SEGMENTS * (case.kind == "hls"))
        outages(graph, case.reason)


def test_a_server_that_freezes_and_closes_nothing_is_read_again(tmp_path: Path) -> None:
    together(frozen, ["rtsp", "ts", "udp"], tmp_path)


def frozen(folder: Path, kind: str) -> None:
    with Server(kind) as server, Graph(folder, server.address) as graph:
        graph.flows()
        server.freeze()
        away(graph, PATIENCE + AWAY, time.time())
        server.thaw()
        back = time.time()
        graph.flows_again(back)
        graph.balances()
        fresh(graph, back)
        outages(graph, f"no(thing|.*frame) came for {PATIENCE:g} s")


def test_a_source_that_falters_for_less_than_its_patience_is_not_reopened(tmp_path: Path) -> None:
    with Server("rtsp") as server, Graph(tmp_path, server.address) as graph:
        graph.flows()
        server.freeze()
        frozen = time.time()
        until(lambda: time.time() > frozen + PATIENCE / 2)
        server.thaw()
        graph.flows_again(time.time())
        graph.balances()
        assert graph.said(OUTAGE) == []


def test_a_server_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    together(absent, ["rtsp", "udp", "srt"], tmp_path)


def absent(folder: Path, kind: str) -> None:
    with Server(kind, started=False) as server, Graph(folder, server.address) as graph:
        away(graph, AWAY, time.time())
        server.start()
        back = time.time()
        graph.flows_again(back)
        graph.balances()
        outages(graph, r"cannot read|came for")


def test_a_picture_that_changes_its_size_flows_on(tmp_path: Path) -> None:
    together(growing, ["rtsp", "ts", "udp"], tmp_path)


def growing(folder: Path, kind: str) -> None:
    with Server(kind) as server, Graph(folder, server.address) as graph:
        graph.flows()
        server.grow()
        changed = time.time()
        until(lambda: graph.results()[-1].size == (480, 360), AGAIN, f"larger results: {graph.output}")
        graph.balances()
        assert len(graph.said("its frames are 480x360 from here on, they were 320x240")) == 1
        larger = [result for result in graph.results() if result.size == (480, 360)]
        assert larger == graph.results()[-len(larger) :]
        assert max(result.age for result in graph.after(changed)) < LATE


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["hangs", "dies"])
def test_a_decoder_that_hangs_or_dies_is_replaced(tmp_path: Path, how: signal.Signals) -> None:
    with Server("ts") as server, Graph(tmp_path, server.address) as graph:
        graph.flows()
        decoder = graph.decoder()
        os.kill(decoder, how)
        since = time.time()
        graph.says(OUTAGE, 30)
        graph.flows_again(time.time())
        assert decoder not in processes_in(tmp_path)
        graph.balances()
        fresh(graph, since + 0.3)  # what was on its way has come by then
        outages(
            graph, f"no frame came for {PATIENCE:g} s" if how is signal.SIGSTOP else "its decoder was killed by SIGKILL"
        )


def test_what_a_server_kept_while_nobody_listened_is_let_go(tmp_path: Path) -> None:
    with Server("ts", backlog=100) as server, Graph(tmp_path, server.address, limit=100) as graph:
        graph.flows()
        os.kill(graph.decoder(), signal.SIGKILL)
        since = time.time()
        graph.balances()
        fresh(graph, since + 0.3)  # it is not opened again before
        assert graph.said("they were older than the connection")
