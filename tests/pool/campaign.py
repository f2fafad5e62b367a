"""Frames through a pool while its machines come and go, and what became of each of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import numpy.typing as npt

from bus import Message, books
from tests.conftest import make_clip
from tests.launch import Launch
from tests.pools import Pooled
from tests.raycluster import Machines

PLACES = 4  # for replicas on each machine
GLANCE = 0.02  # seconds between two looks at how far it is
ALLOWED = 15.0  # seconds without a result that a fault may cost
PATIENCE = 120.0  # seconds without a result after which nothing will come any longer

SLOW = '''"""Show the negative of every frame, and take `pause` seconds for it."""

import time

from bus import run


def slow(frames, *, pause=0.05):
    for frame in frames:
        time.sleep(pause)
        yield frame.replace(255 - frame.array)


if __name__ == "__main__":
    run(slow)
'''


class Campaign:
    """From `low` replicas to `high` and back, and in between a machine is lost, and one comes."""

    def __init__(
        self, folder: Path, machines: Machines, port: int, frames: int, low: int, high: int, places: int = PLACES
    ) -> None:
        """`places`: for replicas on each machine."""
        self._places = {f"room{os.getpid()}": places}  # resources of this campaign's machines alone
        self._machines, self._frames, self._low, self._high = machines, frames, low, high
        self.pooled = Pooled(folder, machines.address, port, frames)
        (folder / "slow.py").write_text(SLOW)
        if not (folder / "clip.mp4").exists():
            make_clip(folder / "clip.mp4", frames, "160x120")
        self._here = [machines.add(**self._places) for _ in range(2)]
        self.gaps: dict[str, float] = {}  # what was done -> the longest time without a result until the next deed
        self.saves = 0  # results that the saver has written, those that it wrote again included

    def run(self, say: Callable[[str], None], *, short: bool = False) -> None:
        """`short`: nothing but machines dies."""
        coming = Thread(target=lambda: self._here.append(self._machines.add(**self._places)))
        deeds: list[tuple[float, str, Callable[[Launch], object]]] = [
            (0.05, f"{self._low} -> {self._high} replicas", lambda graph: self._edit(self._high)),
            (0.2, "a node killed", lambda graph: self.pooled.kill(self.pooled.node("converter.1"))),
            (0.3, "a machine lost", lambda graph: self._machines.remove(self._here.pop(0))),
            (0.5, "a machine more", lambda graph: coming.start()),
            (0.65, "an actor killed", lambda graph: self.pooled.kill(self.pooled.worker("converter.2"))),
            (0.75, f"{self._high} -> {self._low} replicas", lambda graph: self._edit(self._low)),
            (0.85, "the placer killed", lambda graph: self.pooled.kill(self.pooled.placer())),
        ]
        if short:
            deeds = [deed for deed in deeds if not deed[1].endswith("killed")]
        self._edit(self._low)
        with self.pooled.launch("saver.format=png", "watcher.then=keep") as graph:
            self._wait(graph, 1)
            for part, words, deed in deeds:
                self._wait(graph, round(part * self._frames))
                say(f"{self._done} results: {words}")
                self.gaps[words] = 0.0
                deed(graph)
            self._wait(graph, self._frames)
            self._code = graph.ends()
        self._output = graph.output
        coming.join()
        for machine in self._here:
            self._machines.remove(machine)

    def wrongs(self) -> Iterator[str]:
        """What is not as it must be."""
        expected = [f"{name}.png" for name in self.pooled.expected]
        saved = sorted(path.name for path in (self.pooled.folder / "saved").iterdir() if path.suffix)
        if saved != expected:
            yield f"{len(saved)} results for {len(expected)} frames: {sorted({*saved} ^ {*expected})[:5]} differ"
        for name in {*saved} & {*expected}:
            source = self.pooled.folder / "spool" / ".done" / name.removesuffix(".png")
            if not np.array_equal(
                _pixels(self.pooled.folder / "saved" / name), 255 - _pixels(source)
            ):  # PNG loses none
                yield f"{name} is not the negative of its frame"
        if self._code or f"converted {self._frames}, dead letters 0, dropped 0" not in self._output:
            yield f"the launcher ended with {self._code}: {self._output.splitlines()[-1]}"
        if left := self.pooled.nodes():
            yield f"nodes are left: {left}"
        for words, gap in self.gaps.items():
            if gap > ALLOWED:
                yield f"{words}: nothing came for {gap:.1f} s"

    def _edit(self, replicas: int) -> None:
        slow = {"run": "slow", "args": {"pause": 0.05}}
        self.pooled.write(replicas, resources={"resources": dict.fromkeys(self._places, 1)}, node=slow)

    def _wait(self, graph: Launch, count: int) -> None:
        """Until so many results are there; notes the longest time without one."""
        came = time.monotonic()
        before = self._done
        while self._done < count:
            time.sleep(GLANCE)
            now = time.monotonic()
            if self._done != before:
                before, came = self._done, now
            elif self.gaps:
                last = [*self.gaps][-1]
                self.gaps[last] = max(self.gaps[last], now - came)
            assert now - came < PATIENCE, f"nothing comes any longer after {before} results: {graph.output[-3000:]}"
            assert graph.process.poll() is None or self._done >= count, graph.output[-3000:]

    @property
    def _done(self) -> int:
        try:
            self.saves = max(self.saves, books.read(self.pooled.run / "saver.1.books")["received"])
        except (AssertionError, OSError, ValueError):
            self.saves = max(self.saves, len(self.pooled.saved_as("png")))  # it has ended
        return self.saves


def _pixels(path: Path) -> npt.NDArray[np.uint8]:
    """As the nodes decode them."""
    return Message(path.read_bytes(), stream="", number=0, name=path.name).array
