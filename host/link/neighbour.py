"""What is known here of the launcher of one other host. Times are those of time.monotonic(), in seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator

from host.link.attendance import AWAY, Attendance
from host.link.clocks import Clock, Reading
from host.link.tidings import Facts, Passed, Tidings

LINGERING = 15.0  # seconds after which nothing can arrive that an ended connection still had on its way
FEW, EACH = 10, 0.2  # messages at once, and seconds until there may be another: an honest launcher says one a second
LINES = 3.0  # likewise of lines in the log: a network that fails again and again makes fewer
STRANGER = 5.0  # seconds in which one that was never heard must come to be told that this host has failed
VERSION = 20  # characters of one
GREETING = 3.0  # seconds for which the line that says that it is up waits for its clock
DONE = "done"
ENDS = {DONE: "all done", "stopped": "stopped", "failed": "failed"}


class Neighbour:
    """It is heard, or heard of by way of a host that hears it."""

    def __init__(self, name: str, now: float) -> None:
        self.name, self._began = name, now
        self.status: Facts | None = None
        self.via = ""
        self.heard = now - LINGERING  # when there was a word of it last
        self.sent = 0  # wall-clock ns: when it was told something that it has not answered yet
        self.echo = self.echo_heard = 0  # `sent` of the last thing that it said, and our wall-clock ns when that came
        self._knows, self._news_at = False, 0  # whether it has answered what it was told since then, wall-clock ns
        self._news_since = now  # likewise
        self._ended = ""  # how its launcher has ended, as it said itself
        self._clock = Clock()
        self._passed: Reading | None = None  # its clock, by way of `via`
        self._messages, self._lines = Allowance(EACH, now), Allowance(LINES, now)
        self._attendance, self._run_since = Attendance(name, now), now
        self._differences: dict[str, str] = {}  # what was said last to have another version, and which

    def has_room(self, now: float) -> bool:
        """Whether one more message of it is to be read now."""
        return self._messages.take(now)

    def may_be_said(self, now: float) -> bool:
        """Whether one more line about it is to be said now."""
        return self._lines.take(now)

    def hear(self, tidings: Tidings, at: int, now: float) -> bool:
        """Take what it has said itself, which came at `at`, wall-clock ns; whether it is not of a run that is over."""
        if tidings.status and not self._begins(tidings.status, now):
            return False
        if tidings.echo and tidings.echo == self.sent:
            self._clock.add(tidings.echo, tidings.heard, tidings.sent, at, now)
            self._knows = self._knows or tidings.echo > self._news_at
        self.sent, self.echo, self.echo_heard = 0, tidings.sent, at
        self.status = tidings.status or self.status
        self.via, self.heard = "", now
        self._ended = ENDS.get((self.status or {}).get("state", ""), "ended") if tidings.last else ""
        return True

    def hear_of(self, passed: Passed, teller: Neighbour, now: float) -> bool:
        """Take what `teller` passes on, if that is news; whether it is.

        What was said before our time is of another, unless it is that all is done: then nothing more will be said.
        """
        at, is_done = now - passed.age, passed.status["state"] == DONE
        if at <= self.heard if is_done and self.status else at <= max(self.heard, self._began) and not is_done:
            return False
        if self.via != teller.name and now - self.heard < AWAY:
            return False
        if self._ended and self.run == passed.status["run"]:
            return False
        if not self._begins(passed.status, now):
            return False
        self.status, self.via, self.heard = passed.status, teller.name, at
        self._ended = ENDS[DONE] if is_done and at <= self._began else ""
        way = teller.reading(now)
        self._passed = way.beyond(passed.clock) if way and passed.clock else None
        return True

    def must_know(self, now: float) -> None:
        """From now on there is something that it must be told."""
        self._knows, self._news_at, self._news_since = False, time.time_ns(), now

    def is_told(self, now: float) -> bool:
        """Whether it knows, or has ended, or has not been there for as long as this host is.

        One that was through and is silent since has ended, too: its last word need not have come.
        """
        is_stranger = not self.echo and now - self._news_since > STRANGER
        has_left = (self.status or {}).get("state") in ENDS and now - self.heard > AWAY
        return self._knows or bool(self._ended) or is_stranger or has_left

    @property
    def run(self) -> str:
        """The id of its launcher's run; empty before that is known."""
        return str(self.status["run"]) if self.status else ""

    def reading(self, now: float) -> Reading | None:
        """Its clock, seen from here."""
        return self._passed if self.via else self._clock.reading(now)

    def record(self, now: float) -> Facts:
        """What <run>/hosts/<its name>.json holds."""
        reading = self.reading(now)
        clock: Facts = reading._asdict() if reading else dict.fromkeys(Reading._fields)
        return {"received": time.time() - (now - self.heard), "via": self.via, **clock, "status": self.status}

    def news(self, mine: Facts, now: float) -> Iterator[str]:
        """What is to be said of it now, mostly nothing; `mine` are our versions."""
        if self._ended:
            yield self._attendance.gone(self._ended, now)
        else:
            yield self._attendance.look(self.heard, self.run, self._facts(now), now)
        theirs: Facts = self.status["versions"] if self.status else {}
        for what, name, length in (("wire", "the wire's protocol", 1), ("python", "Python", 2)):
            here, there = (".".join(str(one.get(what, "")).split(".")[:length]) for one in (mine, theirs))
            if here and there and here != there and there != self._differences.get(what):
                self._differences[what] = there
                yield f"{self.name} has another version of {name}, {there[:VERSION]}; here it is {here}"

    def _facts(self, now: float) -> str:
        """What is said of one that is up; nothing as long as its clock is to be known soon."""
        reading = self.reading(now)
        if self.status is None or (reading is None and now - self._run_since < GREETING):
            return ""
        made_of: Facts = self.status["versions"]
        words = f"Python {made_of['python'][:VERSION]}, ZeroMQ {made_of['zeromq'][:VERSION]}"
        if reading:
            words += f", its clock {shown(reading)}"
        return f"{words}, by way of {self.via}" if self.via else words

    def _begins(self, status: Facts, now: float) -> bool:
        """Whether that is of the run that is known, or of a later one: what was said earlier may arrive late."""
        if status["run"] == self.run:
            return True
        if self.status and status["began"] < self.status["began"] and now - self.heard < LINGERING:
            return False
        self._run_since = now
        return True


class Allowance:
    """FEW at once, and one more after every `each` seconds."""

    def __init__(self, each: float, now: float) -> None:
        self._each, self._room, self._filled = each, float(FEW), now

    def take(self, now: float) -> bool:
        self._room, self._filled = min(float(FEW), self._room + (now - self._filled) / self._each), now
        if self._room < 1:
            return False
        self._room -= 1
        return True


def shown(reading: Reading) -> str:
    """How far a clock is from ours, in words."""
    way = "ahead" if reading.offset >= 0 else "behind"
    return f"{duration(abs(reading.offset))} {way}, give or take {duration(reading.uncertainty)}"


def duration(seconds: float) -> str:
    """Such as 0.21 ms, 34 ms, 1.4 s, 3600 s."""
    number, unit = (seconds * 1000, "ms") if seconds < 1 else (seconds, "s")
    return f"{number:.0f} {unit}" if number >= 99.5 else f"{number:.2g} {unit}"
