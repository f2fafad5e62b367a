"""What is measured of each message, and of each moment: all of it into the run folder, for whoever looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bus.books import Books
from bus.clocks import Clocks
from bus.header import to_wire
from bus.message import Message
from bus.preview import Preview
from bus.taken import Taken
from bus.timeline import Timeline
from bus.times import NEITHER, Times

IMPOSSIBLE = -0.01  # seconds: less than that was measured by two clocks, and nobody knows how far they are apart


class Measures:
    """Those of one replica. Nothing here waits for anybody."""

    def __init__(
        self, run: Path | None, replica: str, wires: int, say: Callable[[str], None], *, trace: bool = False
    ) -> None:
        self.books = Books(run and run / f"{replica}.books", wires)
        self.times = Times(self.books)
        self.clocks = Clocks(run and run / "clocks.json")
        self._preview = Preview(run, replica)
        self._timeline = Timeline(run / f"{replica}.trace" if run and trace else None, say)
        self._is_traced = trace

    def handed_out(self, taken: Taken) -> None:
        """User code gets it now. News, which have no number, are no frames."""
        message = taken.message
        taken.begun, taken.at = time.monotonic_ns() - self.books["blocked_ns"], time.time_ns()
        if message.number is None:
            return
        hops = message.hops
        captured = self.clocks.captured(hops, message.captured)
        self._note("age", taken.at - captured)
        if hops:
            self._note("hop", taken.at - self.clocks.ours(*hops[-1]))
        self._preview.before(message, captured)

    def _note(self, histogram: str, ns: int) -> None:
        if ns > IMPOSSIBLE * 1e9:  # else it would stand there as the shortest of all
            self.books.note(histogram, ns / 1e9)

    def let_go(self, taken: Taken) -> None:
        """User code is through with it, if it has had it."""
        message = taken.message
        if message.number is None or not taken.at:
            return
        self.books.note("work", (time.monotonic_ns() - self.books["blocked_ns"] - taken.begun) / 1e9)
        if self._is_traced:
            captured = self.clocks.captured(message.hops, message.captured)
            self._timeline.note(
                message.stream, message.number, to_wire(message.name),
                arrived=taken.item.arrived, begun=taken.at, ended=time.time_ns(), captured=captured,
            )  # fmt: skip

    def made(self, message: Message, name: str, *, is_source: bool) -> None:
        """User code has yielded it, or shown it; `name`: what it is called on its wires, percent-encoded."""
        if message.number is None or not (self._is_traced or self._preview.wanted):
            return
        captured = self.clocks.captured(message.hops, message.captured)
        self._preview.after(message, captured)
        if is_source:
            self._timeline.note(
                message.stream, message.number, name,
                arrived=captured, begun=captured, ended=time.time_ns(), captured=captured,
            )  # fmt: skip

    def beat(self) -> None:
        self.times.beat()
        self.clocks.look()
        self._preview.beat()
        self._timeline.beat()

    def close(self) -> None:
        self.times.turn(NEITHER)
        self._timeline.beat()
        self._preview.close()
        self.books.close()
