"""The deaths of one replica: how each is worded, and how long it rests after it."""

import random
import signal
from collections import deque

FIRST_REST = 0.5  # seconds; doubled with each death without progress
LONGEST_REST = 30.0  # seconds
LOOP_DEATHS = 10  # so many deaths without progress …
LOOP_WINDOW = 300.0  # … in so many seconds are a crash loop,
LOOP_REST = 60.0  # in which it is tried once in so many seconds
NEVER_AGAIN = {2: "wrong arguments or a missing program", 65: "bad data"}  # exit codes that a new life cannot cure
SIGNALS = {number.value: number.name for number in signal.Signals}  # real-time signals have no names
SUPERSEDED = 75  # exit code of a life whose peers talk to another one, which it would drive out again at once
JITTER = 0.2  # the part by which a rest is lengthened at most, so that replicas do not fall in step


class Deaths:
    """A life with progress is healthy and wipes out what came before it; only deaths without progress count."""

    def __init__(self) -> None:
        self.in_loop = False
        self._times: deque[float] = deque()  # of the deaths without progress in the last LOOP_WINDOW

    def rest(self, now: float, progress: bool) -> float:
        """Note a death at `now` (seconds of any clock) and return for how many seconds to rest."""
        if progress:
            self._times.clear()
            self.in_loop = False
            return 0.0
        self._times.append(now)
        while self._times[0] < now - LOOP_WINDOW:
            self._times.popleft()
        deaths = len(self._times)
        self.in_loop = deaths >= LOOP_DEATHS or (self.in_loop and deaths > 1)  # 1: that life outlasted the window
        rest = LOOP_REST if self.in_loop else min(LONGEST_REST, FIRST_REST * 2 ** (deaths - 1))
        return rest * random.uniform(1, 1 + JITTER)


def words(code: int, *, has_left_mark: bool = True) -> str:
    """How a process died: -N is signal N, what is above is an exit code. `has_left_mark`: unless it was to, and has."""
    if code < 0:
        return f"was killed by {SIGNALS.get(-code, f'signal {-code}')}"
    return f"exited with {code}{'' if code or has_left_mark else ' but no end mark'}"
