"""Order restored behind replicas: what comes on one wire is handed out by its numbers, each stream by itself.

The numbers of a stream begin with 0, and each of them comes, be it in a skip. So the next one to hand out is known, and
what comes before its turn waits. Which numbers are finished outlives a kill, in `<run>/<replica>.order.<which>`: they
do not come again. A message with a lower number than one before, and captured after all, begins its stream anew.

Layout of that file: a byte that says which of two slots counts; each slot 4 bytes, little-endian, the length of the
JSON that follows: `{stream: [began, latest, [[first, last], …]]}`.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bus.header import fits, text
from bus.mapping import mapped
from bus.ranges import Ranges

if TYPE_CHECKING:
    from bus.pusher import Item, Pusher

PATIENCE = 30.0  # seconds for which later messages wait for a number
CLOSING = 1.0  # … if nothing has come for so long, and no pusher will make anything new
MOST = 10_000  # streams; what belongs to others is handed out as it comes
SLOT = 64 * 1024  # bytes; streams that do not fit, the oldest, are not remembered
LENGTH = struct.Struct("<I")


class Line:
    """What waits of one stream, and which number is next."""

    def __init__(self, began: int = 0, latest: int = 0, finished: Iterable[tuple[int, int]] = ()) -> None:
        self.began, self.latest = began, latest  # captured before it began: of its last life; the latest that came
        self.finished = Ranges(finished)
        self.given = Ranges(self.finished.ranges)  # handed out in this life, or not to be waited for
        self.waiting: list[tuple[int, int, Item]] = []  # a heap of (number, when it came, what)
        self.since = 0.0  # when the first of them began to wait for the same number, by time.monotonic
        self.over = False  # its stream has begun anew

    @property
    def next(self) -> int:
        """The number whose turn it is."""
        return self.given.after(0)


class Order:
    """Of one wire. Every method is called with the hub's lock held."""

    def __init__(self, wire: str, path: Path | None, say: Callable[[str], None]) -> None:
        self._wire, self._say = wire, say
        self._map = mapped(path, 1 + 2 * SLOT)
        self._lines = {stream: Line(*known) for stream, known in self._read().items()}
        self._arrivals, self._came, self._is_new = count(), 0.0, False

    @property
    def waits(self) -> bool:
        return any(line.waiting for line in self._lines.values())

    def put(self, item: Item) -> list[Item]:
        """What is to be handed out now that `item` has come."""
        self._came = time.monotonic()
        ready: list[Item] = []
        item.line = self._line(item, ready)
        if item.line is None:
            return [*ready, item]
        self._wait(item.line, item)
        return ready + self._ready(item.line)

    def finished(self, item: Item) -> None:
        """It does not come again."""
        if item.line is not None:
            item.line.finished.add(*_range(item))
            self._is_new = True

    def lost(self, items: Iterable[Item], handed_out: Iterable[Item]) -> list[Item]:
        """`items` are to come again: of what is handed out, and not taken, what has to wait for them from now on."""
        for item in items:
            if item.line is not None:
                item.line.given.remove(*_range(item))
                item.line.since = time.monotonic()
        early = []
        for item in handed_out:
            if item.line is not None and not item.line.over and _range(item)[0] > item.line.next:
                item.line.given.remove(*_range(item))
                self._wait(item.line, item)
                early.append(item)
        return early

    def empty(self) -> list[Item]:
        """What waits, which waits no longer."""
        waiting = [item for line in self._lines.values() for _, _, item in sorted(line.waiting)]
        for line in self._lines.values():
            line.waiting = []
        return waiting

    def forget(self, pusher: Pusher) -> None:
        """Nothing that waits of `pusher` counts any more: its next life sends it again."""
        for line in self._lines.values():
            line.waiting = [one for one in line.waiting if one[2].pusher is not pusher]
            heapify(line.waiting)

    def tick(self, now: float, closed: bool) -> list[Item]:
        """What is handed out because a number has not come; `closed`: no pusher makes anything new."""
        ready = []
        for stream, line in self._lines.items():
            if not line.waiting:
                continue
            over = closed and now - max(line.since, self._came) > CLOSING
            if over or now - line.since > PATIENCE:
                missing = line.next, line.waiting[0][0] - 1
                words = f"{' to '.join(map(str, dict.fromkeys(missing)))} of {stream or 'its stream'}"
                self._say(f'"{self._wire}" goes on without number {words}, which did not come')
                line.finished.add(*missing)
                line.given.add(*missing)
                self._is_new = True
                ready += self._ready(line)
        return ready

    def keep(self) -> None:
        """Write down what is finished, before its pushers hear of it."""
        if not self._is_new:
            return
        self._is_new = False
        known = {stream: (line.began, line.latest, line.finished.ranges) for stream, line in self._lines.items()}
        while len(body := text(known).encode()) > SLOT - LENGTH.size:
            known = dict([*known.items()][len(known) // 2 + 1 :])
        slot = 1 - self._map[0]
        begin = 1 + slot * SLOT
        self._map[begin : begin + LENGTH.size + len(body)] = LENGTH.pack(len(body)) + body
        self._map[0] = slot

    def _read(self) -> dict[str, tuple[int, int, list[tuple[int, int]]]]:
        begin = 1 + (self._map[0] & 1) * SLOT
        (length,) = LENGTH.unpack_from(self._map, begin)
        known = json.loads(self._map[begin + LENGTH.size : begin + LENGTH.size + length] or b"{}")
        return dict(known)

    def _line(self, item: Item, ready: list[Item]) -> Line | None:
        """The line that `item` belongs in; None if it has none. What a line had that is over becomes `ready`."""
        stream, captured = item.meta.get("stream"), item.meta.get("captured")
        first, last = _range(item)
        if type(stream) is not str or not (fits(first, int) and fits(last, int) and first <= last):
            return None
        if stream not in self._lines and len(self._lines) >= MOST:
            return None
        line = self._lines.setdefault(stream, Line())
        if item.skip or type(captured) is not int:
            return line
        if captured < line.began:
            return None
        if first < line.next and captured > line.latest > 0:
            ready += [one for _, _, one in sorted(line.waiting)]
            line.waiting, line.over = [], True
            line = self._lines[stream] = Line(began=(line.latest + captured) // 2)
        line.latest = max(line.latest, captured)
        return line

    def _wait(self, line: Line, item: Item) -> None:
        if not line.waiting:
            line.since = time.monotonic()
        heappush(line.waiting, (_range(item)[0], next(self._arrivals), item))

    def _ready(self, line: Line) -> list[Item]:
        ready = []
        while line.waiting and line.waiting[0][0] <= line.next:
            ready.append(heappop(line.waiting)[2])
            line.given.add(*_range(ready[-1]))
            line.since = time.monotonic()
        return ready


def _range(item: Item) -> tuple[int, int]:
    """The first and the last of its numbers; what they are is checked once, by `_line`."""
    first: Any = item.meta.get("number")
    return (first, item.meta.get("last", -1)) if item.skip else (first, first)
