"""What a simulation is made of: a clock that jumps from event to event, cores, and processes that share them."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Any

SLICE = 0.003  # seconds for which a process has a core at most, before others have their turn

Deed = Callable[..., None]


class Clock:
    """`at` and `after` say what happens when; `run` lets it happen."""

    def __init__(self) -> None:
        self.now = 0.0  # seconds
        self._events: list[tuple[float, int, Deed, tuple[Any, ...]]] = []
        self._count = itertools.count()  # what is due at the same moment happens in the order in which it was said

    def at(self, when: float, deed: Deed, *args: Any) -> None:
        heapq.heappush(self._events, (when, next(self._count), deed, args))

    def after(self, seconds: float, deed: Deed, *args: Any) -> None:
        if seconds < math.inf:
            self.at(self.now + seconds, deed, *args)

    def run(self, goes_on: Callable[[], bool]) -> None:
        while self._events and goes_on():
            self.now, _, deed, args = heapq.heappop(self._events)
            deed(*args)


class Cores:
    """So many processors; whoever finds none free waits in a line."""

    def __init__(self, clock: Clock, count: float, idle: float = 0.0) -> None:
        """`count` may be infinite; `idle`: what goes on beside the events, in cores, and slows all of them."""
        self._clock, self._free, self.used = clock, count, 0.0
        self._speed = 1.0 if count == math.inf else 1 - idle / count
        self._line: deque[tuple[float, Deed]] = deque()
        if self._speed <= 0:
            raise ValueError(f"{idle:.2f} of {count:g} cores are taken before anything is done")

    def use(self, seconds: float, then: Deed) -> None:
        """Call `then` when so much CPU time was had."""
        self._line.append((seconds, then))
        self._next()

    def _next(self) -> None:
        if self._line and self._free >= 1:
            self._free -= 1
            seconds, then = self._line.popleft()
            now = min(seconds, SLICE)
            self._clock.after(now / self._speed, self._over, now, seconds - now, then)

    def _over(self, had: float, left: float, then: Deed) -> None:
        self._free += 1
        self.used += had
        if left > 0:
            self._line.append((left, then))
        else:
            then()
        self._next()


class Process:
    """Does one thing after the other; what has come meanwhile it does in one go, without falling asleep in between."""

    def __init__(self, cores: Cores, wake: float, item: float, act: Callable[[list[Any]], int]) -> None:
        """`wake`: seconds of CPU when it was asleep; `item`: of each thing, and of each that `act` says it has made."""
        self._cores, self._wake, self._item, self._act = cores, wake, item, act
        self._inbox: list[Any] = []
        self._is_awake = False

    def hear(self, thing: Any) -> None:
        self._inbox.append(thing)
        if not self._is_awake:
            self._is_awake = True
            self._work(self._wake)

    def _work(self, wake: float) -> None:
        things, self._inbox = self._inbox, []
        self._cores.use(wake + self._item * len(things), lambda: self._done(things))

    def _done(self, things: list[Any]) -> None:
        made = self._act(things)
        if made:
            self._cores.use(self._item * made, self._rest)
        else:
            self._rest()

    def _rest(self) -> None:
        if self._inbox:
            self._work(0.0)
        else:
            self._is_awake = False
