"""How far the clock of another host is from ours: NTP's four timestamps (RFC 5905, section 8), the median of some."""

from __future__ import annotations

import statistics
from collections import deque
from typing import NamedTuple

KEPT = 16  # samples that the median is taken of
DRIFT = 50e-6  # by which two clocks may run apart: seconds in a second. RFC 5905 has 15e-6 for one good one
NS = 1e9


class Reading(NamedTuple):
    """What is known, in seconds."""

    offset: float  # their clock minus ours
    uncertainty: float  # the true offset is no further away than this
    round_trip: float

    def beyond(self, other: Reading) -> Reading:
        """Of a host whose clock the host that we have read as `self` has read as `other`."""
        return Reading(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Sample(NamedTuple):
    """One exchange: the true offset is within half the round trip, whichever of its ways was the longer one."""

    offset: float
    round_trip: float
    at: float  # when it began

    def slack(self, now: float) -> float:
        """How far the true offset may be from `offset` by `now`."""
        return self.round_trip / 2 + DRIFT * (now - self.at)


class Clock:
    """Of one host. `now` is a time of time.monotonic(), in seconds."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def add(self, asked: int, heard: int, answered: int, back: int, now: float) -> None:
        """An exchange: asked and back are ns of our clock, heard and answered of theirs.

        What contradicts it is forgotten: a clock has been set.
        """
        round_trip = ((back - asked) - (answered - heard)) / NS
        if round_trip < 0:  # a clock was set meanwhile
            self._samples.clear()
            return
        fresh = Sample(((heard - asked) + (answered - back)) / 2 / NS, round_trip, now - (back - asked) / NS)
        agreeing = [one for one in self._samples if abs(one.offset - fresh.offset) <= one.slack(now) + fresh.slack(now)]
        self._samples = deque([*agreeing, fresh], maxlen=KEPT)

    def reading(self, now: float) -> Reading | None:
        """The median, and how far off that can be: no further than any one sample allows. None before the first."""
        if not self._samples:
            return None
        offset = statistics.median(one.offset for one in self._samples)
        uncertainty = min(abs(one.offset - offset) + one.slack(now) for one in self._samples)
        return Reading(offset, uncertainty, statistics.median(one.round_trip for one in self._samples))
