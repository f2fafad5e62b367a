"""What one thread has to tell and another one asks for: what cannot wait at once, the rest now and then."""

from __future__ import annotations

import time
from collections import deque
from threading import Condition
from typing import Any

MOST = 2000  # things that wait at most: beyond it the oldest lines go
URGENT = ("exit", "mark", "ready", "started")
REPLACED = ("books", "notice", "use")  # only the last one is of interest
HOLDS = 2.0  # seconds after which one who asks is answered with nothing
PACE = 0.5  # seconds between two answers that are not urgent

News = list[tuple[int, str, Any]]  # number, kind, value


class Mailbox:
    """Numbered news, kept until they are known to have arrived: an answer may be lost on its way."""

    def __init__(self) -> None:
        self._news: deque[tuple[int, str, Any]] = deque()
        self._last = 0  # the number of the newest
        self._changed = Condition()
        self._answered_at = 0.0
        self.asked_at = time.monotonic()  # when somebody asked last, or was answered

    def post(self, kind: str, value: Any) -> None:
        with self._changed:
            if kind in REPLACED:
                self._news = deque(one for one in self._news if one[1] != kind)
            elif len(self._news) >= MOST and kind == "line":
                self._news.remove(next(one for one in self._news if one[1] == kind))
            self._last += 1
            self._news.append((self._last, kind, value))
            self._changed.notify_all()

    def ask(self, after: int, seconds: float = HOLDS) -> News:
        """All news with a number above `after`, what is older has arrived; waits for `seconds` at most."""
        until = time.monotonic() + seconds
        with self._changed:
            self.asked_at = time.monotonic()
            while self._news and self._news[0][0] <= after:
                self._news.popleft()
            while (wait := self._wait(until)) > 0:
                self._changed.wait(wait)
            self.asked_at = self._answered_at = time.monotonic()
            return list(self._news)

    def _wait(self, until: float) -> float:
        """For how many seconds there is no answer yet."""
        if any(kind in URGENT for _, kind, _ in self._news):
            return 0.0
        now = time.monotonic()
        return min(until, self._answered_at + PACE) - now if self._news else until - now
