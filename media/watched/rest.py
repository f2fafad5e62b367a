"""When to do again what is done over and over, so that it costs a tenth of a core at most."""

import time

REST = 20  # times as long as it took, it is not done again: two such things at once then cost a tenth of a core


class Rest:
    """A pause after each time, which grows with what that time costs."""

    def __init__(self, pause: float = 0.0) -> None:
        """`pause`: seconds that it lasts at least."""
        self._pause, self._cost, self._began = pause, 0.0, time.monotonic()

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self._began >= max(self._pause, REST * self._cost)

    def begin(self, cost: float = 0.0) -> None:
        """It was done just now, or is from now on; `cost` in seconds, as far as they are known."""
        self._began, self._cost = time.monotonic(), cost

    def add(self, cost: float) -> None:
        """So many seconds more went into it."""
        self._cost += cost
