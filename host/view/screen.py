"""A table that stands below the log on a terminal, and makes way for each line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

COMMAND = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # of colours and the like, ECMA-48
UNKNOWN = 80, 24  # columns and lines of a terminal that does not say


class Screen:
    """The bottom of the terminal at `descriptor`. The cursor is always on the line below the table."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stands: list[int] = []  # the columns that each line of the table takes; none: no table stands

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, rows = os.get_terminal_size(self._descriptor)
        except OSError:  # it has gone
            return UNKNOWN
        return columns or UNKNOWN[0], rows or UNKNOWN[1]

    @property
    def is_clear(self) -> bool:
        return not self._stands

    def lift(self) -> str:
        """What takes the table away; nothing if none stands."""
        columns, rows = self.size
        # A terminal that has become narrower has broken long lines in two.
        count = min(rows - 1, sum(max(1, -(-width // columns)) for width in self._stands))
        self._stands = []
        return f"\x1b[{count}A\r\x1b[J" if count else ""

    def draw(self, lines: Sequence[str]) -> str:
        """What puts a table there."""
        self._stands = [len(COMMAND.sub("", line)) for line in lines]
        return "".join(f"{line}\x1b[0m\n" for line in lines)


def can_show(descriptor: int) -> bool:
    """Whether a table can stand on what is at `descriptor`: a terminal that obeys commands."""
    return os.isatty(descriptor) and os.environ.get("TERM", "dumb") not in ("dumb", "")
