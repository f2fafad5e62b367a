"""Where the time of a replica goes: waiting for inputs, working in user code, blocked by those downstream."""

from __future__ import annotations

import threading
import time

from bus.books import Page

WAITING, WORKING, BLOCKED, NEITHER = "waiting_ns", "working_ns", "blocked_ns", ""


class Times:
    """Every moment is one of these, from `turn` to `turn`, and is counted as that in the books."""

    def __init__(self, books: Page) -> None:
        self._books = books
        self._what, self._since = NEITHER, time.monotonic_ns()
        self._lock = threading.Lock()  # the main thread turns, and either thread beats

    def turn(self, what: str) -> str:
        """From now on it is `what`; what it was until now."""
        with self._lock:
            before, self._what = self._what, what
            self._count(before)
            return before

    def beat(self) -> None:
        """Count what is still going on."""
        with self._lock:
            self._count(self._what)

    def spent(self, what: str) -> _Spent:
        """A block whose time is `what`, whatever it was before."""
        return _Spent(self, what)

    def _count(self, what: str) -> None:
        now = time.monotonic_ns()
        since, self._since = self._since, now
        if what:
            self._books[what] += now - since


class _Spent:
    """Such a block; one for each wait for a message, so that it must cost little."""

    __slots__ = ("_before", "_times", "_what")

    def __init__(self, times: Times, what: str) -> None:
        self._times, self._what = times, what

    def __enter__(self) -> None:
        self._before = self._times.turn(self._what)

    def __exit__(self, *error: object) -> None:
        self._times.turn(self._before)
