"""How frames come, beside how they are shown: whether the graph has fallen behind a live source."""

from collections.abc import Callable
from time import monotonic

LATE = 0.5  # seconds behind a live source at which its frames are let go
SETTLES = 0.1  # of the way back that each frame goes, once the graph keeps up again
JUMP = 5.0  # seconds by which a stream's own time leaps when it is another stream from there on


class Lag:
    """How far we are behind what the source shows.

    A source that sends faster than it shows (a file behind an address, a playlist's segments) is never behind: it may
    wait. What counts is by how much frames come later than the first, and than they do while nothing waits.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._offset: float | None = None  # between our time and the stream's, at the last frame
        self._first = 0.0  # the same at the first frame
        self._natural = 0.0  # the same while nothing waits; of a playlist's segment, that of its first frame

    def note(self, seconds: float, waiting: bool) -> None:
        """A frame that is shown at `seconds` has come; `waiting` says whether there are others to be taken first."""
        offset = self._clock() - seconds
        if self._offset is None or abs(offset - self._offset) > JUMP:
            self._first = self._natural = offset
        elif not waiting:
            settled = self._natural + SETTLES * (offset - self._natural)
            self._natural = max(self._first, offset, settled)
        self._offset = offset

    @property
    def late(self) -> bool:
        return self._offset is not None and self._offset - self._natural > LATE
