"""What a puller that leaves and one of its pushers know of each other: when it may go without a word being lost."""

import time

SILENT = 5.0  # seconds; who says nothing for so long is not there, or cannot answer


class Farewell:
    """Each state that the puller sends is a whole one and has a number; the pusher says which it has heard last."""

    def __init__(self) -> None:
        self._said = self._needed = 0  # the last number, and that of the last state with news in it
        self._told = 0.0  # when that was sent, by time.monotonic
        self.heard = 0  # the number that the pusher has said

    def say(self, news: bool) -> int:
        """The number of the state that is sent now."""
        self._said += 1
        if news or not self._needed:
            self._needed, self._told = self._said, time.monotonic()
        return self._said

    def is_over(self, now: float) -> bool:
        """Whether the pusher knows all that was said, or is of those that do not tell."""
        return 0 < self._needed <= self.heard or now - self._told > SILENT
