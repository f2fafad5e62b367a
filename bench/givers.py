"""The pusher of a simulated wire: who gets what, and what is not finished."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any

from bus.guilt import TRIES
from bus.link import PREFETCH
from bus.puller import WINDOW

if TYPE_CHECKING:
    from bench.simulation import Simulation

LATE = 0.4  # seconds by which a camera's frames may be behind before it gives some up: see bench/nodes/camera.py


class Seat:
    """What it knows of one replica."""

    def __init__(self) -> None:
        self.is_up = self.is_alone = False
        self.life = -1
        self.sent: set[int] = set()
        self.open: set[int] = set()
        self.stamp = 0

    def has_room(self, caution: bool) -> bool:
        if not self.is_up or self.is_alone or len(self.open) >= (1 if caution else PREFETCH):
            return False
        return len(self.sent) < WINDOW


class Giver:
    def __init__(self, world: Simulation) -> None:
        self._world, self._plan = world, world.plan
        self.seats = [Seat() for _ in range(self._plan.replicas)]
        self._order: list[tuple[int, int, int]] = []  # (open, stamp, seat) of those with room; the latest stamp counts
        self._stamp = 0
        self._queue: deque[int] = deque()
        self.born: list[float] = []
        self.unfinished: set[int] = set()
        self._holders: dict[int, list[int]] = {}  # message -> seats that were given it
        self._tries: dict[int, int] = {}
        self._suspects: dict[int, int] = {}  # message -> the seat that was lost with it, and has not told what of
        self.done = self.dead = 0
        self._due, self._is_late = 0.0, False
        if self._plan.rate:
            world.clock.at(0.0, lambda: world.pusher.hear(("due", 0, None)))

    @property
    def left(self) -> int:
        """Messages that are not finished, those that are not made yet included."""
        return self._plan.frames - self.done - self.dead

    def act(self, things: list[Any]) -> int:
        """Hear what has come, and send what there is room for; how many were sent."""
        for what, seat, value in things:
            if what == "due":
                self._make()
            elif what == "done":
                self._finish(value)
            elif what == "released":
                self._let_go(seat, value)
            elif what == "gone":
                self._lose(seat)
            else:
                self._greet(seat, *value)
        return self._pump()

    def _make(self) -> None:
        """A camera's next frame, unless there is no room: then it is made as soon as there is."""
        self._is_late = bool(self._queue)
        if self._queue or len(self.born) >= self._plan.frames:
            return
        clock = self._world.clock
        self.born.append(clock.now)
        self.unfinished.add(len(self.born) - 1)
        self._queue.append(len(self.born) - 1)
        if self._plan.rate:
            self._due = max(self._due + 1 / self._plan.rate, clock.now - LATE)
            clock.at(max(clock.now, self._due), lambda: self._world.pusher.hear(("due", 0, None)))

    def _pump(self) -> int:
        count, cost = 0, self._plan.costs.pusher[1]
        while (n := self._first()) is not None and (seat := self._least_busy(n)) is not None:
            self._queue.popleft()
            count += 1
            one, replica = self.seats[seat], self._world.replicas[seat]
            one.sent.add(n)
            one.open.add(n)
            one.is_alone = self._caution(n)
            self._holders.setdefault(n, []).append(seat)
            self._touch(seat)
            self._world.clock.after(cost * count + self._plan.latency, replica.arrive, replica.link, n)
        return count

    def _first(self) -> int | None:
        while self._queue and self._queue[0] not in self.unfinished:
            self._queue.popleft()
        if not self._queue and (self._is_late or not self._plan.rate):
            self._make()
        return self._queue[0] if self._queue else None

    def _caution(self, n: int) -> bool:
        return n in self._tries or n in self._suspects

    def _least_busy(self, n: int) -> int | None:
        """Of those with room the one with the fewest open; of several such the one that has waited for longest."""
        while self._order:
            _, stamp, seat = self._order[0]
            one = self.seats[seat]
            if stamp == one.stamp and one.has_room(False):
                return seat if one.has_room(self._caution(n)) else None
            heapq.heappop(self._order)
        return None

    def _touch(self, seat: int) -> None:
        """What it has has changed."""
        one = self.seats[seat]
        self._stamp += 1
        one.stamp = self._stamp
        if one.has_room(False):
            heapq.heappush(self._order, (len(one.open), one.stamp, seat))

    def _finish(self, n: int) -> None:
        if n in self.unfinished:
            self.done += 1
            self._forget(n)

    def _forget(self, n: int) -> None:
        self.unfinished.discard(n)
        self._tries.pop(n, None)
        self._suspects.pop(n, None)
        for seat in self._holders.pop(n, ()):
            self.seats[seat].sent.discard(n)
            self._let_go(seat, n)

    def _let_go(self, seat: int, n: int) -> None:
        one = self.seats[seat]
        one.open.discard(n)
        one.is_alone = one.is_alone and bool(one.open)
        self._touch(seat)

    def _lose(self, seat: int) -> None:
        """Its link is gone: what it had goes elsewhere, and is suspect until it tells what it died of."""
        one = self.seats[seat]
        one.is_up = False
        for n in one.open:
            self._suspects[n] = seat
        lost = sorted(one.sent)
        one.sent.clear()
        one.open.clear()
        one.is_alone = False
        there = [n for n in lost if n in self.unfinished and not self._is_held(n)]
        self._queue.extendleft(reversed(there))
        self._touch(seat)

    def _is_held(self, n: int) -> bool:
        return any(n in self.seats[seat].sent for seat in self._holders.get(n, ()))

    def _greet(self, seat: int, life: int, hand: int | None) -> None:
        """It is there: its first word says what it has finished, and what its last life had in hand."""
        one, replica = self.seats[seat], self._world.replicas[seat]
        one.is_up = True
        mine = [n for n, suspected in self._suspects.items() if suspected == seat]
        for n in mine:
            if n in replica.finished:
                self._finish(n)
            self._suspects.pop(n, None)
        if life != one.life:
            one.life = life
            if hand in self.unfinished and hand is not None:
                self._tries[hand] = self._tries.get(hand, 0) + 1
                if self._tries[hand] >= TRIES:
                    self.dead += 1
                    self._forget(hand)
        self._touch(seat)
