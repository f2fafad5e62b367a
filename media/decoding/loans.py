"""Raw frames from the decoder to the splitter through shared memory (bus/arena.py): a pipe would copy each four times.

The decoder tells where its arena is; the splitter answers `0` on the decoder's standard input if it reads there. From
then on a record may say where its frame lies, under the number of a loan, which the splitter says back, a line each,
when it needs that frame no longer.
"""

import os
import select
from contextlib import suppress
from typing import IO, Any

from bus.arena import Address, Arena, Slot
from bus.header import Malformed
from bus.shared import Shared

AHEAD = 6  # frames that may be lent: the splitter has one in hand, and one or two for whoever looks at it
PATIENCE = 0.2  # seconds that the next one waits for one of them to come back; then it goes through the pipe


class Lender:
    """The decoder's side."""

    def __init__(self, answers: int) -> None:
        """`answers`: the descriptor on which the splitter says what comes back."""
        self._arena, self._answers, self._heard = Arena(), answers, b""
        self._lent: dict[int, Slot] = {}
        self._loan = 0
        self._is_read = False  # the splitter reads the arena

    @property
    def address(self) -> Address | None:
        """Where the arena is; None if this system gives none."""
        return self._arena.address

    def lend(self, pixels: bytes | memoryview) -> dict[str, Any]:
        """Where `pixels` lie now, in the words of a record; none if they must go through the pipe.

        Raises BrokenPipeError if the splitter has gone.
        """
        self._hear(0.0)
        if len(self._lent) >= AHEAD:
            self._hear(PATIENCE)
        if not self._is_read or len(self._lent) >= AHEAD or not (slot := self._arena.place(pixels)):
            return {}
        self._loan += 1
        self._lent[self._loan] = slot
        return {"memory": (slot.at, len(slot), slot.use, self._loan)}

    def _hear(self, seconds: float) -> None:
        """What the splitter has said, waiting for its first word."""
        while select.select([self._answers], [], [], seconds)[0]:
            if not (said := os.read(self._answers, 4096)):
                raise BrokenPipeError
            *lines, self._heard = (self._heard + said).split(b"\n")
            for line in lines:
                if slot := self._lent.pop(int(line), None):
                    slot.let_go()
            self._is_read, seconds = True, 0.0


class Borrower:
    """The splitter's side."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._shared: Shared | None = None

    def meet(self, address: Address) -> None:
        """Read that arena, if it is to be had, and say so."""
        with suppress(OSError, Malformed):  # too few addresses, as with ulimit -v: then all goes through the pipe
            self._shared = Shared(address)
            self._say([0])

    def view(self, at: int, length: int, use: int, loan: int) -> memoryview:
        """What was lent. Raises Malformed."""
        if self._shared is None:
            raise Malformed("a frame in an arena that nobody reads")
        return self._shared.view(at, length, use, loan)

    def give_back(self) -> None:
        """Say which frames are needed no longer."""
        if self._shared and (loans := self._shared.read()):
            self._say(loans)

    def _say(self, loans: list[int]) -> None:
        with suppress(BrokenPipeError):  # it has died, or is through; what became of it, its end says
            self._answers.write(b"".join(b"%d\n" % loan for loan in loans))
            self._answers.flush()
