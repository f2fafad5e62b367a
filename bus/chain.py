"""How a verdict travels upstream: what came in is done when everything that was made of it is done."""

from collections.abc import Callable

Verdict = Callable[[str, str], None]  # called with (verdict, reason)

RANK = {"gone": 0, "dropped": 1, "done": 2, "rejected": 3}  # with several branches the highest verdict counts


class Unit:
    """Something that is finished when all its parts are: an input with all that was yielded from it."""

    __slots__ = ("_finish", "_left", "_reason", "_verdict")

    def __init__(self, finish: Verdict, parts: int = 1) -> None:
        self._finish, self._left, self._verdict, self._reason = finish, parts, "", ""

    def add(self) -> None:
        self._left += 1

    def drop(self, verdict: str = "", reason: str = "") -> None:
        """One part is through; an empty verdict has no say. The last part calls `finish`."""
        if verdict and (not self._verdict or RANK[verdict] > RANK[self._verdict]):
            self._verdict, self._reason = verdict, reason
        self._left -= 1
        if self._left == 0:
            self._finish(self._verdict or "done", self._reason)


def nobody(verdict: str, reason: str) -> None:
    """Nobody waits for the end of a skip that one end of a wire made."""
