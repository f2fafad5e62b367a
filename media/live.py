"""A live source is opened again for ever: when it ends, breaks off or hangs, and when it is not there yet."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from media.job import BadData, Job
from media.video import BEAT, Frame, Opened, Steps

Engine: TypeAlias = Callable[[Job, int, Path | None], Steps]

SHORTEST, LONGEST = 0.5, 3.0  # seconds of pause between two attempts; it doubles
JITTER = 0.25  # of a pause, at most, is left out, so that many splitters do not come all at once
REMIND = 30.0  # seconds between two lines about a source that is away


def reopened(engine: Engine, job: Job, first: int, workspace: Path | None) -> Steps:
    """The frames of `job` from number `first` on, over as many connections as it takes.

    Raises BadData only if it is not to be opened again: a clip, one from afar that breaks off where it did before, or
    where the job says so.
    """
    outage, again = Outage(job), job.live and job.reopen
    while True:
        reason, before, opened = f"{job.title} has ended", first, False
        try:
            with closing(engine(job, first, workspace)) as video:
                for step in video:
                    if isinstance(step, Opened):
                        job, opened = replace(job, ends=step.ends), True
                    if isinstance(step, Frame):
                        first = step.number + 1
                        outage.over()
                    yield step
            if job.ends or (job.limit and first >= job.limit):
                return
        except BadData as problem:
            if not again or (job.ends and opened and first == before):
                raise
            reason = str(problem)
        if not again:
            return
        yield from outage.pause(reason)


class Outage:
    """The time in which a source gives no frames, and what is said about it: why, how often, how long."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._last_frame = time.monotonic()
        self._tries = 0  # since then
        self._count = 0  # outages so far
        self._said = -math.inf
        self._announced = False  # whether this outage was said: one that comes and goes all the time is not

    def pause(self, reason: str) -> Iterator[None]:
        """Say why, if it is time for that, and wait until the next attempt is due."""
        now = time.monotonic()
        self._count += self._tries == 0
        self._tries += 1
        if now - self._said > REMIND:
            self._said, self._announced = now, True
            again = f" ({self._tries} tries in {now - self._last_frame:.0f} s)" if self._tries > 1 else ""
            print(f"{reason}; opens it again until it is back{again}")
        delay = min(LONGEST, SHORTEST * 2 ** min(self._tries - 1, 10))
        due = now + delay * (1 - JITTER * random.random())
        while (left := due - time.monotonic()) > 0:
            time.sleep(min(left, BEAT))
            yield None

    def over(self) -> None:
        """There is a frame."""
        now = time.monotonic()
        if self._announced:
            print(f"{self._job.title} is back after {now - self._last_frame:.1f} s (outage {self._count})")
        self._last_frame, self._tries, self._announced = now, 0, False
