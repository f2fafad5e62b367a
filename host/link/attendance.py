"""Whether the launcher of another host is there, said when that changes. Times are those of time.monotonic(), in s."""

from __future__ import annotations

AWAY = 5.0  # seconds without a word until that is said


class Attendance:
    """Of one host."""

    def __init__(self, name: str, now: float) -> None:
        self._name = name
        self._began = now
        self._run = ""  # of its launcher, when that was said to be up
        self._missed_since: float | None = None

    def gone(self, how: str, now: float) -> str:
        """It has said that it has ended, and how: the words for that, once."""
        words = f"{self._name} has gone: {how}" if self._run else ""
        self._run, self._missed_since, self._began = "", None, now
        return words

    def look(self, heard: float, run: str, facts: str, now: float) -> str:
        """What is to be said now; mostly nothing.

        `heard`: when there was a word of it last; `run`: that of its launcher; `facts`: about it, if all are known.
        """
        heard = max(heard, self._began)
        if now - heard >= AWAY:
            if self._missed_since is not None:
                return ""
            self._missed_since = heard
            return f"no word from {self._name} for {AWAY:g} s"
        if run == self._run and self._missed_since is not None:
            words = f"{self._name} is back after {heard - self._missed_since:.0f} s" if run else ""
            self._missed_since = None if run else self._missed_since
            return words
        if run == self._run or not facts:
            return ""
        self._run, self._missed_since = run, None
        return f"{self._name} is up: {facts}"
