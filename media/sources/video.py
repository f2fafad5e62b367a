"""What every engine gives: what it opened, then frames; and which frames are kept."""

import math
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from PIL import Image

from media.sources.job import BadData, Job

if TYPE_CHECKING:
    import numpy

BEAT = 0.25  # seconds: an engine that has nothing says so this often; a source must yield every 0.5 s
USUAL_RATE = 25.0  # frames a second of a source that says neither its rate nor when its frames are shown
SLOW = "the graph is slower than the source"
TORN = "a part of them had not come"
OLD = "they were older than the connection"
TOLERANCE = 0.1  # of the time between two frames: containers that count milliseconds round by less
EARLY = 1.0  # seconds by which a clip may end before its container says so


class Opened(NamedTuple):
    """What is known once the first frame is decoded. It comes again when the size changes, or after a reconnection."""

    size: tuple[int, int]  # pixels, as the frames come out
    rate: float  # frames a second, as the source says; 0: it does not
    total: int  # frames that will come out, an estimate; 0: unknown
    ends: bool  # whether it is a clip, though it may come from far away


class Frame(NamedTuple):
    """One frame that is kept."""

    number: int
    # Decoded, an array as height x width x RGB; or a whole JPEG: a file, to be moved away, or its content.
    picture: "Image.Image | numpy.ndarray[Any, Any] | Path | bytes"
    captured: int  # ns since the epoch


class Dropped(NamedTuple):
    """Frames of a live source that were let go; their numbers are missing."""

    frames: int
    why: str


Step: TypeAlias = Opened | Frame | Dropped | None  # None: nothing yet
Steps: TypeAlias = Generator[Step, None, None]  # Opened before the first frame


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
    """Which frames are kept: at most `rate` a second by their own time, `limit` in all.

    Of a source that ends, those up to `first` are left out: it is read again from its start, and a pure function of the
    frames' times gives the same frames the same numbers. A live one goes on at `first`.
    """

    def __init__(self, job: Job, first: int, ends: bool) -> None:
        self._rate, self._limit, self._first = job.rate, job.limit, first
        self._slot: int | None = None  # of the last frame that was counted; each lasts 1 / rate seconds
        self._began = 0.0
        self.count = 0 if ends else first  # frames that were counted so far

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


class Backlog:
    """What a server kept while nobody listened: it comes faster than it is shown, right after the connection."""

    GAPS = 3  # between frames, over which the pace is taken: packets come in twos and threes
    PACE = 0.7  # of the time in which they are shown: frames that take as long as this to come are new
    LONGEST = 2.0  # seconds after which frames pass at any pace: some sources do not know their own

    def __init__(self) -> None:
        self._gaps: deque[tuple[float, float]] = deque(maxlen=self.GAPS + 1)  # when they came, and are shown
        self._began: float | None = None
        self._over = False

    def holds(self, seconds: float, now: float) -> bool:
        """Whether the frame that is shown at `seconds`, and came `now`, is an old one."""
        if self._over:
            return False
        self._began = now if self._began is None else self._began
        self._gaps.append((now, seconds))
        came, shown = now - self._gaps[0][0], seconds - self._gaps[0][1]
        self._over = now - self._began > self.LONGEST or (len(self._gaps) > self.GAPS and came >= self.PACE * shown)
        return not self._over
