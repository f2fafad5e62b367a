"""Where the time of a replica goes: waiting for inputs, working in user code, blocked by those downstream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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

    @contextmanager
    def spent(self, what: str) -> Iterator[None]:
        """A block whose time is `what`, whatever it was before."""
        before = self.turn(what)
        try:
            yield
        finally:
            self.turn(before)

    def _count(self, what: str) -> None:
        now = time.monotonic_ns()
        since, self._since = self._since, now
        if what:
            self._books[what] += now - since
