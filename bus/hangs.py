"""Time that is neither user code's nor the bus's: a call of the system that a disk holds up."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bus.books import Page
from bus.hand import Hand

PATIENCE = 3.0  # seconds after which such a call is worth a line

_here: "Outside | None" = None  # that of the node that runs in this process


class Outside:
    """Takes such calls out of what `stall` counts: a disk that hangs is not the fault of the messages in hand."""

    def __init__(self, hand: Hand, books: Page, say: Callable[[str], None]) -> None:
        global _here
        _here = self
        self._hand, self._books, self._say = hand, books, say
        self._words, self._since, self._said = "", 0.0, False
        self._busy = threading.Lock()

    @contextmanager
    def block(self, words: str) -> Iterator[None]:
        """`words`: what is done in the block, such as `saves below /out`."""
        if not self._busy.acquire(blocking=False):  # the other thread of this process waits for a disk already
            yield
            return
        in_hand, began = self._hand.runs, time.monotonic_ns()
        self._hand.rest()
        self._words, self._since, self._said = words, time.monotonic(), False
        try:
            yield
        finally:
            since, self._since = self._since, 0.0
            if self._said:
                self._say(f"{words}: goes on after {time.monotonic() - since:.0f} s")
            if in_hand:
                self._hand.run()
            self._books["disk_ns"] += time.monotonic_ns() - began
            self._busy.release()

    def close(self) -> None:
        global _here
        if _here is self:
            _here = None

    def beat(self) -> None:
        """Say what hangs, once. Called with each beat, by whichever thread serves the wires."""
        since = self._since
        if since and not self._said and time.monotonic() - since > PATIENCE:
            self._said = True
            self._say(f"{self._words}: the disk has not answered for {PATIENCE:.0f} s; waits until it does")


@contextmanager
def outside(words: str) -> Iterator[None]:
    """A block of Outside, where a node runs in this process."""
    if _here is None:
        yield
        return
    with _here.block(words):
        yield
