"""Frames that a live source had to let go: counted, and said now and then, by reason."""

import math
import time
from collections import Counter

from bus import drop
from media.sources.job import Job
from media.sources.video import Dropped

REMIND = 30.0  # seconds between two lines about one reason


class Losses:
    """What was dropped, why, and how much of that was said."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._dropped: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._said: dict[str, float] = {}  # reason -> when, by time.monotonic

    def note(self, dropped: Dropped | None) -> None:
        """Count what was dropped, if anything."""
        if dropped is None:
            return
        drop(dropped.frames)
        self._dropped[dropped.why] += dropped.frames
        self._unsaid[dropped.why] += dropped.frames
        now = time.monotonic()
        if now - self._said.get(dropped.why, -math.inf) > REMIND:
            self._said[dropped.why] = now
            self._say(dropped.why)

    def close(self) -> None:
        """Say what has not been said yet."""
        for why in list(self._unsaid):
            self._say(why)

    def _say(self, why: str) -> None:
        if count := self._unsaid.pop(why, 0):
            all_of_them = f", {self._dropped[why]} so far" if self._dropped[why] > count else ""
            print(f"dropped {count} frame{'' if count == 1 else 's'} of {self._job.title}{all_of_them}: {why}")
