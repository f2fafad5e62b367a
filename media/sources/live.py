"""A live source is opened again for ever: when it ends, breaks off or hangs, and when it is not there yet."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from bus import idle
from media.sources.job import BadData, Job
from media.sources.video import BEAT, TOLERANCE, Frame, Opened, Steps
from media.sources.worker import WorkerDied

Engine: TypeAlias = Callable[[Job, int, Path | None], Steps]

SHORTEST, LONGEST = 0.5, 3.0  # seconds of pause between two attempts; it doubles
JITTER = 0.25  # of a pause, at most, is left out, so that many splitters do not come all at once
TRIES = 3  # a decoder or a server that fails once may not fail again, and a clip that is broken always does
REMIND = 30.0  # seconds between two lines about a source that is away


def reopened(engine: Engine, job: Job, first: int, workspace: Path | None) -> Steps:
    """The frames of `job` from number `first` on, over as many connections as it takes.

    Raises BadData only if it is not to be opened again: a clip, one from afar that was opened TRIES times in a row and
    gave no new frame, or where the job says so. A clip whose engine died (WorkerDied) gets as many tries.
    """
    outage, pace, again = Outage(job), Pace(job), job.live and job.reopen
    while True:
        reason, before, opened = f"{job.title} has ended (reopen: false would end here)", first, False
        try:
            with closing(pace.held(engine(_asked(job, first), first, workspace))) as video:
                for step in video:
                    if isinstance(step, Opened):
                        job, opened = replace(job, ends=step.ends), True
                    if isinstance(step, Frame):
                        first = step.number + 1
                        outage.over()
                    yield step
                    if isinstance(step, Frame) and _complete(job, first):
                        return
            if job.ends or _complete(job, first) or not again:
                return
        except BadData as problem:
            died = isinstance(problem, WorkerDied)
            outage.fruitless += first == before and (opened or died)
            if not (again or (died and not job.live)) or (job.ends and outage.fruitless >= TRIES):
                raise
            reason = str(problem)
        yield from outage.pause(reason)


def _complete(job: Job, first: int) -> bool:
    return bool(job.limit) and first >= job.limit


def _asked(job: Job, first: int) -> Job:
    """What an engine is asked for: of a live source one frame more than the limit, as its first may come too early."""
    return replace(job, limit=job.limit + 1) if job.limit and first and job.ends is False else job


class Pace:
    """A live source's rate holds over all its connections: each engine knows only its own."""

    def __init__(self, job: Job) -> None:
        self._seconds = (1 - TOLERANCE) / job.rate if job.rate else 0.0  # between two frames, at least
        self._last = -math.inf  # when a frame was kept

    def held(self, video: Steps) -> Steps:
        """One connection's steps, without the frames that come too early after those of the last connection."""
        early, ends = 0, True
        waits = self._last + self._seconds
        with closing(video):
            for step in video:
                if isinstance(step, Opened):
                    ends = step.ends
                if not isinstance(step, Frame) or ends:
                    yield step
                elif time.monotonic() < waits:
                    early += 1
                    yield None
                else:
                    waits, self._last = -math.inf, time.monotonic()
                    yield step._replace(number=step.number - early)


class Outage:
    """The time in which a source gives no frames, and what is said about it: why, how often, how long."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._last_frame = time.monotonic()
        self._tries = 0  # since then
        self._count = 0  # outages so far
        self.fruitless = 0  # tries since then that opened the source, or lost its decoder, and gave nothing new
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
            print(f"{reason}; opens it again until it is there{again}")
        delay = min(LONGEST, SHORTEST * 2 ** min(self._tries - 1, 10))
        due = now + delay * (1 - JITTER * random.random())
        while (left := due - time.monotonic()) > 0:
            with idle():
                time.sleep(min(left, BEAT))
            yield None

    def over(self) -> None:
        """There is a frame."""
        now = time.monotonic()
        if self._announced:
            print(f"{self._job.title} is back after {now - self._last_frame:.1f} s (outage {self._count})")
        self._last_frame, self._tries, self._announced = now, 0, False
        self.fruitless = 0
