"""Two inputs in step: what belongs together by number or by time is handed out as one unit, and finished as one.

A message that waits for its partner stays in the queue of its input: user code does not hold it, and no death is laid
to it. Its pusher has its credit back, as the partner may be behind others; what a pusher may have unfinished, 64
messages, bounds what waits.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from bus.header import Malformed, check
from bus.inputs import Input
from bus.message import Message
from bus.meta import check_meta
from bus.opening import SKIP
from bus.pull import Pull
from bus.puller import WINDOW
from bus.pusher import Item
from bus.ranges import Ranges
from bus.taken import Taken
from bus.times import WAITING

GRACE = 0.5  # seconds in which what was sent again may come after what was sent once
CLOSING = 1.0  # seconds without a message after which pushers that make nothing new have sent all
PATIENCE = 30.0  # seconds without a message after which those that wait on both sides wait for nothing


def pair(
    left: Iterable[Message], right: Iterable[Message], within: float | None = None
) -> Iterator[tuple[Message, Message]]:
    """Messages of two inputs that belong together: of the same stream and number, or with `within` by time.

    By time are partners what was captured at most `within` seconds apart, by this host's clock, whatever their streams,
    and of several the nearest that is there. A pair is one unit: what is made of one is made of both. What finds no
    partner is dropped. The pairs end when an input has ended.
    """
    if isinstance(left, Input) and isinstance(right, Input):
        pairs = Pairs(left, right, within)
        while found := pairs.take():
            yield found
        return
    lonely = list(right)
    for message in left:
        if other := partner(message, lonely, within):
            lonely = [one for one in lonely if one is not other]
            yield message, other


def partner(one: Any, others: Iterable[Any], within: float | None) -> Any:
    """The one of `others` that belongs to `one`; all are messages, or halves; None if there is none."""
    if within is None:
        same = (other for other in others if (other.stream, other.number) == (one.stream, one.number))
        return next(same, None) if one.number is not None else None
    near = (other for other in others if abs(other.captured - one.captured) <= within * 1e9)
    return min(near, key=lambda other: abs(other.captured - one.captured), default=None)


class Half:
    """A message that may have a partner."""

    def __init__(self, pull: Pull, item: Item, captured: int) -> None:
        self.pull, self.item, self.captured = pull, item, captured  # nanoseconds, by our clock
        self.stream: str = item.meta["stream"]
        self.number: int = item.meta["number"]
        self.since = time.monotonic()
        self.later = 0  # messages of its stream with a higher number that have come on the other side since then


class Side:
    """One of the two inputs. Every method is called with the hub's lock held."""

    def __init__(self, source: Input) -> None:
        self.input = source
        self.halves: dict[Item, Half] = {}  # what waits, in the order in which it came
        self.absent: dict[str, Ranges] = {}  # stream -> what will not come
        self.came = time.monotonic()  # when the last one did
        self._latest: dict[str, tuple[int, int]] = {}  # stream -> number and time of the one that was captured last

    @property
    def pushers(self) -> int:
        return sum(pull.pushers for pull in self.input.pulls)

    def through(self, now: float) -> bool:
        """Whether nothing more will come, as far as the pushers know today."""
        pulls, later = self.input.pulls, self.input.later
        return now - self.came > CLOSING and not later and all(pull.closed and not pull.waits for pull in pulls)

    def look(self) -> list[Half]:
        """What has come since the last time, and may have a partner."""
        queue = self.input.queue
        queue.extend(self.input.later.due())
        here = {item for _, item in queue}
        self.halves = {item: half for item, half in self.halves.items() if item in here}
        new = [self._half(pull, item) for pull, item in [*queue] if item not in self.halves]
        return [half for half in new if half]

    def open(self, half: Half) -> Taken | None:
        """It as it is ready for user code; None if it is not yet, or never."""
        del self.halves[half.item]
        self.input.queue.remove((half.pull, half.item))
        taken = self.input.open(half.pull, half.item)
        if not taken and not self.input.later.has_failed(half.item):
            self._miss(half.stream, half.number, half.number)
        return taken

    def put_back(self, half: Half, taken: Taken, payload: bytes | memoryview) -> None:
        """It was opened, and has to wait after all."""
        taken.message.close()
        half.item.payload = payload
        self.input.queue.appendleft((half.pull, half.item))
        self.halves = {half.item: half, **self.halves}

    def _half(self, pull: Pull, item: Item) -> Half | None:
        self.came, meta = time.monotonic(), item.meta
        with suppress(Malformed):  # whoever opens it says so
            if item.skip:
                check(meta, SKIP, "a skip")
                self._miss(meta["stream"], meta["number"], meta["last"])
            else:
                check_meta(meta)
                if meta.get("number") is not None:
                    return self._known(pull, item)
        self.input.queue.remove((pull, item))
        if taken := self.input.open(pull, item):
            self.input.drop(taken, "")  # news, which are no frame
        return None

    def _known(self, pull: Pull, item: Item) -> Half:
        captured = self.input.node.measures.clocks.captured(item.meta["hops"], item.meta["captured"])
        half = self.halves[item] = Half(pull, item, captured)
        number, latest = self._latest.get(half.stream, (0, 0))
        if captured > latest:
            self._latest[half.stream] = half.number, captured
            if half.number < number:
                self.absent.pop(half.stream, None)  # the stream has begun anew
        return half

    def _miss(self, stream: str, first: int, last: int) -> None:
        if first <= last:
            self.absent.setdefault(stream, Ranges()).add(first, last)


class Pairs:
    """The pairs of two inputs of a node."""

    def __init__(self, left: Input, right: Input, within: float | None) -> None:
        self._node, self._within = left.node, within
        name, _, replica = self._node.name.rpartition(".")
        if replica not in ("", "1"):
            self._node.say(f"{name} pairs its inputs, and what belongs together may reach two replicas: give it one")
            raise SystemExit(2)
        self._left, self._right = Side(left), Side(right)
        self._ways = (self._left, self._right), (self._right, self._left)

    def take(self) -> tuple[Message, Message] | None:
        """The next pair; None when an input has ended. Raises Stopped."""
        hub = self._node.hub
        with self._node.inside:
            self._node.asked = None  # what goes wrong is laid to both
            for side, _ in self._ways:
                side.input.let_go()
            hub.check()
            if self._node.overdue():
                hub.serve()
            while True:
                self._look()
                found = self._found()
                self._drop_lonely(time.monotonic())
                if found:
                    return found
                self._drop_stuck(time.monotonic())
                if any(side.input.ended for side, _ in self._ways):
                    self._left.input.is_over = True
                    return None
                self._node.leaving.check()
                with self._node.measures.times.spent(WAITING):
                    hub.wait()

    def _look(self) -> None:
        for side, other in self._ways:
            for half in side.look():
                for one in other.halves.values():
                    one.later += one.stream == half.stream and one.number < half.number

    def _found(self) -> tuple[Message, Message] | None:
        while halves := self._together():
            if found := self._open(*halves):
                return found
        return None

    def _together(self) -> tuple[Half, Half] | None:
        """Two that belong together, the earliest on the left that has a partner."""
        for half in self._left.halves.values():
            if other := partner(half, self._right.halves.values(), self._within):
                return half, other
        return None

    def _open(self, left: Half, right: Half) -> tuple[Message, Message] | None:
        """Hand out both, or none of them."""
        payload = left.item.payload
        one = self._left.open(left)
        other = self._right.open(right) if one else None
        if one and not other:
            self._left.put_back(left, one, payload)
        if not one or not other:
            return None
        one.partner, other.partner = other, one
        for side, taken in ((self._left, one), (self._right, other)):
            side.input.taken.append(taken)
            side.input.handed_out()
        return one.message, other.message

    def _drop_lonely(self, now: float) -> None:
        """Let go of what can find no partner any more; what may still find one waits."""
        for side, other in self._ways:
            for half in [half for half in side.halves.values() if self._is_lonely(half, other, now)]:
                if not partner(half, other.halves.values(), self._within):
                    self._drop(half, side)
            for half in side.halves.values():
                half.pull.set_aside(half.item)

    def _drop_stuck(self, now: float) -> None:
        """Where both sides wait and nothing comes, each may hold up what the other waits for: let go of the first."""
        still = now - max(side.came for side, _ in self._ways) > PATIENCE
        if still and self._left.halves and self._right.halves:
            first = [(next(iter(side.halves.values())), side) for side, _ in self._ways]
            self._drop(*min(first, key=lambda one: one[0].since))

    def _is_lonely(self, half: Half, other: Side, now: float) -> bool:
        """Whether no partner of it will come any more; it may be there."""
        if other.through(now):
            return True
        if self._within is None:
            absent = other.absent.get(half.stream)
            return (absent is not None and half.number in absent) or half.later >= WINDOW * other.pushers
        latest = half.captured + self._within * 1e9
        return now - half.since > GRACE and any(one.captured > latest for one in other.halves.values())

    def _drop(self, half: Half, side: Side) -> None:
        if taken := side.open(half):
            way = "same number" if self._within is None else f"time within {self._within:g} s"
            side.input.drop(taken, f"nothing of the {way} came on the other input")
