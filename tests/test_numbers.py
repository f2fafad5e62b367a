"""The numbers that are shown are right: against a graph whose times, drops and rejects are known, through kills."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bus.books import PER_OCTAVE
from host.view import overview
from tests.conftest import until
from tests.launch import Launch

COUNT, RATE, SLEEP = 600, 40.0, 0.02  # frames, a second, and seconds of a nap
WIDTH = 2 ** (1 / PER_OCTAVE)  # of a bucket of a histogram
TENS = len(range(0, COUNT, 10))  # which are rejected
THREES = len([number for number in range(0, COUNT, 3) if number % 10])  # of which nothing is passed on
PASSED = COUNT - TENS - THREES

GRAPH = f"""
nodes:
  camera: {{run: camera, push: frames, args: {{count: {COUNT}, rate: {RATE}}}}}
  nap: {{run: nap, pull: frames, push: rested, replicas: 2, args: {{seconds: {SLEEP}}}}}
  show: {{run: show, pull: rested}}
"""
CAMERA = """import time
from bus import Message, idle, run


def camera(*, count: int, rate: float):
    began = time.monotonic()
    for number in range(count):
        with idle():
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield Message(b"x", stream="s", number=number, name=f"s-{number:06d}.bin")
    while True:  # it ends when it is asked to, so that all can be looked at when it rests
        with idle():
            time.sleep(0.1)
        yield None


if __name__ == "__main__":
    run(camera)
"""
NAP = """import time
from bus import replica, run


def nap(frames, *, seconds: float):
    with open(f"took-{replica()}", "a", buffering=1) as file:
        for frame in frames:
            began = time.monotonic()
            time.sleep(seconds)
            file.write(f"{time.monotonic() - began}\\n")
            if frame.number % 10 == 0:
                frame.reject("a ten")
            elif frame.number % 3:
                yield frame


if __name__ == "__main__":
    run(nap)
"""
SHOW = """from bus import run


def show(frames):
    for _ in frames:
        pass


if __name__ == "__main__":
    run(show)
"""


class Seen:
    """What status.json says of a graph that runs."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "graph.yaml"

    def whole(self) -> dict[str, Any]:
        run = overview.running(self._path)
        try:
            return dict(json.loads((run / "status.json").read_text())) if run else {}
        except FileNotFoundError:  # it has just begun
            return {}

    def node(self, name: str) -> dict[str, Any]:
        return dict(next(node for node in self.whole()["nodes"] if node["name"] == name))

    def wire(self, name: str) -> dict[str, Any]:
        return dict(next(wire for wire in self.whole()["wires"] if wire["name"] == name))

    def sum(self, name: str) -> int:
        return int(self.whole().get("sums", {}).get(name, 0))

    def is_at(self, name: str, of: str, rate: float) -> bool:
        """Whether a node's rate is this, to 2 %."""
        return bool(abs(self.node(name)["rates"][of] / rate - 1) <= 0.02)

    def has_done(self, count: int) -> bool:
        return self.sum("done") >= count


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    for name, text in {"graph.yaml": GRAPH, "camera.py": CAMERA, "nap.py": NAP, "show.py": SHOW}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_rates_latencies_and_drops_are_right(folder: Path) -> None:
    with Launch(folder) as graph:
        seen = Seen(folder)
        until(lambda: seen.sum("taken") > RATE * 3, 30, "a graph at work")
        passed = RATE * PASSED / COUNT
        for name, of, rate in (("camera", "out", RATE), ("nap", "in", RATE), ("show", "in", passed)):
            until(partial(seen.is_at, name, of, rate), 30, f"{name}: {rate}")
        until(lambda: abs(seen.wire("frames")["rate"] / RATE - 1) <= 0.02, 30, "the rate of a wire")
        until(lambda: seen.sum("taken") == COUNT and seen.sum("on_the_way") == 0, 60, "all frames")
        until(lambda: seen.node("nap")["rates"]["in"] == 0.0, 30, "a window without frames")
        nap, show, whole = seen.node("nap"), seen.node("show"), seen.whole()
        graph.interrupt()
        assert graph.ends() == 0

    took = sorted(float(line) for path in folder.glob("took-*") for line in path.read_text().splitlines())
    for name, q in (("p50", 0.5), ("p95", 0.95)):
        known = took[int(q * len(took))]
        assert known / WIDTH <= nap["latency"]["work"]["ever"][name] <= known * WIDTH * 1.02, name
    assert nap["latency"]["work"]["now"]["p50"] is None, "nothing in the last ten seconds"
    counters = {name: nap["counters"][name] for name in ("received", "unwanted", "rejected")}
    assert counters == {"received": COUNT, "unwanted": THREES, "rejected": TENS}
    assert show["counters"]["received"] == PASSED
    sums = {name: whole["sums"][name] for name in ("taken", "done", "dead", "dropped", "unaccounted")}
    assert sums == {"taken": COUNT, "done": PASSED, "dead": TENS, "dropped": THREES, "unaccounted": 0}
    assert sum(whole["nodes"][0]["latency"]["latency"]["buckets"].values()) == PASSED


def test_the_sums_balance_through_kills(folder: Path) -> None:
    with Launch(folder) as graph:
        seen = Seen(folder)
        for kill, replica in enumerate(["nap.1", "show.1", "nap.2", "nap.1", "show.1"]):
            until(partial(seen.has_done, 60 * (kill + 1)), 60, f"frames before kill {kill}")
            graph.kill(replica)
        until(lambda: seen.sum("taken") == COUNT and seen.sum("on_the_way") == 0, 60, "all frames")
        whole = seen.whole()
        graph.interrupt()
        assert graph.ends() == 0
    sums = whole["sums"]
    assert sums["done"] + sums["dead"] + sums["dropped"] == sums["taken"] == COUNT
    assert (sums["dead"], sums["dropped"], sums["unaccounted"], sums["on_the_way"]) == (TENS, THREES, 0, 0)
    restarts = {replica["name"]: replica["restarts"] for node in whole["nodes"] for replica in node["replicas"]}
    assert restarts == {"camera.1": 0, "nap.1": 2, "nap.2": 1, "show.1": 2}
    deaths = [who for _, who, kind, _ in whole["events"] if kind == "death"]
    assert sorted(deaths) == ["nap.1", "nap.1", "nap.2", "show", "show"]
