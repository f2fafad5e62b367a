"""What waits outside of the bus for a source to take it: counted on while the bus holds the source up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bus.books import Page

PERIOD = 0.5  # seconds between two looks


class Lookout:
    def __init__(self, books: Page, lock: threading.Lock) -> None:
        """`lock`: the hub's."""
        self._books, self._lock = books, lock
        self._look: Callable[[], int] | None = None
        self._looked = 0.0  # when that was asked last, by time.monotonic
        self._behind: int | None = None  # what it said, while a yield is held up

    def say(self, waiting: int, look: Callable[[], int] | None) -> None:
        """So many wait behind what is yielded next; `look` tells it anew."""
        self._books["backlog"], self._look = waiting, look

    def beat(self) -> None:
        """A yield is held up, and waits, too. The wires are served meanwhile. Called with the hub's lock held."""
        if self._look is None or time.monotonic() - self._looked < PERIOD:
            return
        self._lock.release()
        try:
            self._behind = self._look()
        finally:
            self._lock.acquire()
        self._books["backlog"], self._looked = self._behind + 1, time.monotonic()

    def over(self) -> None:
        """It goes on."""
        if self._behind is not None:
            self._books["backlog"], self._behind = self._behind, None
