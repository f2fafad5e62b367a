"""How many replicas of a node are wanted, judged by how busy they are and by what waits for them.

More when those that work are busy without a pause and something waits; fewer when one fewer would still have time to
spare. Between these two lies a gap, so that no load makes the number go up and down: after a step up, or down, the
reason for the opposite one is not there.
"""

from __future__ import annotations

from typing import NamedTuple

BUSY = 0.85  # the part of their time that replicas work, from which on they have nothing to spare
ALONE = 0.95  # … where nobody knows what waits for them: who hardly ever waits has a queue that is never empty
CALM = 0.6  # … up to which those that would be left may be busy when one goes: well below BUSY, that is the gap
UP_AFTER = 2.0  # seconds of need: longer than a burst that the queues take, as each replica has some in advance
DOWN_AFTER = 10.0  # seconds of calm: a start costs seconds, with a model that is loaded many, a replica too many little
GROWTH = 2  # the part of the replicas, one in so many, that comes at once: from 2 to 32 that takes 8 steps


class Seen(NamedTuple):
    """A node in one look."""

    asked: int  # replicas that are wanted: those that work, and those that are to
    ready: int  # those of them that work
    load: float | None  # how many of these it takes if none of them ever waits; None: nobody knows
    awaited: bool | None  # whether messages wait for them, beyond what they have in advance; None: nobody knows

    @property
    def is_busy(self) -> bool:
        if not self.ready or self.load is None or self.awaited is False:
            return False
        return self.load >= self.ready * (BUSY if self.awaited else ALONE)

    @property
    def is_calm(self) -> bool:
        return self.load is not None and self.load <= CALM * (self.asked - 1)


class Demand:
    """Of one node. Times are those of any clock, in seconds."""

    def __init__(self) -> None:
        self._busy_since: float | None = None
        self._calm_since: float | None = None

    def wanted(self, seen: Seen, least: int, most: int, now: float) -> int:
        """How many are wanted after this look, from `least` to `most`.

        Those that are not ready yet are asked for already: none is added while there are such.
        """
        is_waiting = seen.asked > seen.ready
        self._busy_since = _since(self._busy_since, seen.is_busy and not is_waiting, now)
        self._calm_since = _since(self._calm_since, seen.is_calm, now)
        if self._busy_since is not None and now - self._busy_since >= UP_AFTER:
            wanted = seen.asked + max(1, seen.asked // GROWTH)
        elif self._calm_since is not None and now - self._calm_since >= DOWN_AFTER:
            wanted = seen.asked - 1
        else:
            wanted = seen.asked
        wanted = max(least, min(most, wanted))
        if wanted != seen.asked:
            self._busy_since = self._calm_since = None
        return wanted


def _since(before: float | None, is_so: bool, now: float) -> float | None:
    if not is_so:
        return None
    return now if before is None else before
