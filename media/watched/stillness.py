"""Whether a file has stood still: by its times on its file system's clock, or by what it was when last looked at."""

import os
import time
from contextlib import suppress
from math import inf
from pathlib import Path

CLOCK = ".clock"  # a folder that is made and removed at once: its mtime is the time that the file system has
LEARN = 1.0  # seconds for which that time counts as known: a clock may be set
COARSE = 2.0  # seconds by which the times of a file may lie too far back: FAT knows even seconds only


class Stillness:
    """What files looked like when somebody first asked, and until when they must not have changed."""

    def __init__(self, ours: Path) -> None:
        """`ours`: a folder on the same file system in which nobody else minds the making of another."""
        self._clock = ours / CLOCK
        # The file system's clock less time.monotonic: the least that was seen, for a clock that is set forward makes
        # what was written just before look old. And when that was learnt, by time.monotonic.
        self._ahead, self._learnt = inf, -inf
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}  # name -> size and mtime, and when to look again
        self._time_there()  # from now on a step of that clock is noticed

    def is_due(self, name: str) -> bool:
        """Whether it makes sense to look at this file: it was not seen yet, or has been given its time."""
        return name not in self._seen or time.monotonic() >= self._seen[name][1]

    def has_lasted(self, name: str, found: os.stat_result, seconds: float) -> bool:
        """Whether the file, which is as `found` now, has not changed for so long; False if that is not known yet."""
        changed = max(found.st_mtime, found.st_ctime)  # mtime alone may be that of the original, as after `cp -p`
        if self._time_there() - changed > seconds + COARSE:
            return True
        now, state = time.monotonic(), (found.st_size, found.st_mtime_ns)
        before, due = self._seen.get(name, (None, 0.0))
        if state != before:
            self._seen[name] = state, now + seconds
            return False
        return now >= due

    def forget(self, name: str) -> None:
        self._seen.pop(name, None)

    def _time_there(self) -> float:
        """In seconds since the epoch; a server's clock may differ from ours by hours. Long ago if it cannot be had."""
        now = time.monotonic()
        if now - self._learnt > LEARN:
            try:
                with suppress(FileExistsError):  # a kill has left it: older, and so on the safe side
                    self._clock.mkdir()
                self._ahead, self._learnt = min(self._ahead, self._clock.stat().st_mtime - now), now
                self._clock.rmdir()
            except OSError:
                return -inf
        return now + self._ahead
