"""Whether a peer on another host is in reach, said when that changes for longer than a moment."""

import time

WORD = 2.0  # seconds within which there is a word of who is in reach
AWAY = 5.0  # seconds without a word until that is said


class Presence:
    """Of one peer. Times are those of time.monotonic, in seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._since = time.monotonic()  # when it was in reach last, or when we began
        self._is_missed = False

    def look(self, is_here: bool, now: float, *, is_over: bool = False) -> str:
        """What is to be said now; mostly nothing. `is_over`: nobody waits for it, wherever it is."""
        if is_over:
            self._since, self._is_missed = now, False
            return ""
        if is_here:
            words = f"{self._name} is in reach after {now - self._since:.0f} s" if self._is_missed else ""
            self._since, self._is_missed = now, False
            return words
        if self._is_missed or now - self._since < AWAY:
            return ""
        self._is_missed = True
        return f"no word from {self._name} for {AWAY:g} s: waits for it"
