"""What every engine gives: what it opened, then frames; and which frames are kept."""

import math
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from PIL import Image

from media.job import BadData, Job

BEAT = 0.25  # seconds: an engine that has nothing says so this often; a source must yield every 0.5 s
TOLERANCE = 0.1  # of the time between two frames: containers that count milliseconds round by less
EARLY = 1.0  # seconds by which a clip may end before its container says so


class Opened(NamedTuple):
    """What is known once the first frame is decoded."""

    size: tuple[int, int]  # pixels, as the frames come out
    rate: float  # frames a second, as the source says; 0: it does not
    total: int  # frames that will come out, an estimate; 0: unknown


class Frame(NamedTuple):
    """One frame that is kept."""

    number: int
    picture: Image.Image | Path  # decoded; or a whole JPEG file, to be moved away
    captured: int  # ns since the epoch


Steps: TypeAlias = Generator[Opened | Frame | None, None, None]  # Opened once, then frames; None: nothing yet


class Promise(NamedTuple):
    """What a clip's container says of its video; 0: it does not."""

    seconds: float
    rate: float

    def total(self, job: Job) -> int:
        """How many frames will come out."""
        rate = min(self.rate, job.rate) if job.rate else self.rate
        frames = math.ceil(self.seconds * rate - TOLERANCE)
        return min(frames, job.limit) if job.limit else frames

    def kept(self, job: Job, seconds: float) -> None:
        """Raise BadData if the clip ended, after `seconds`, long before it should have."""
        if seconds < self.seconds - EARLY:
            raise BadData(
                f"{job.shown} breaks off after {seconds:.2f} s of {self.seconds:.2f} s: the file is not whole;"
                " the frames before that are kept"
            )


class Selection:
    """Which frames are kept: at most `rate` a second by their own time, those up to `first` left out, `limit` in all.

    A pure function of the frames' times, so that a clip that is read again gives the same frames the same numbers.
    """

    def __init__(self, job: Job, first: int) -> None:
        self._rate, self._limit, self._first = job.rate, job.limit, first
        self._slot: int | None = None  # of the last frame that was counted; each lasts 1 / rate seconds
        self._began = 0.0
        self.count = 0  # frames that were counted so far

    @property
    def behind(self) -> bool:
        """Whether the frames so far were written by an earlier life."""
        return self.count <= self._first

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return bool(self._limit) and self.count >= self._limit

    def number(self, seconds: float) -> int | None:
        """The number of the next frame, which is shown at `seconds`; None if it is not kept."""
        if self._slot is None:
            self._began = seconds
        slot = math.floor((seconds - self._began) * self._rate + TOLERANCE) if self._rate else self.count
        if self.full or slot == self._slot:
            return None
        self._slot = slot
        self.count += 1
        number = self.count - 1
        return number if number >= self._first else None
