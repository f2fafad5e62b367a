"""What is wrong with a graph: every mistake and warning with its place, and the words they share."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Collection, Iterable

WHOLE_FILE = 0  # a place of its own, before every line
COMMAND_LINE = sys.maxsize  # likewise, behind every line

SHOWN = 60  # characters of the user's text that a message repeats
MENTIONED = 10  # known words that a message lists
PATIENCE = 100_000  # comparisons of words, for suggestions: about 0.4 s


class GraphError(Exception):
    """Raised for a graph that cannot run. `problems` holds every mistake, one line each, sorted by place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problems:
    """Collects what is found, so that a user sees all of it at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._mistakes: dict[tuple[int, str], None] = {}  # in the order found, each once
        self._warnings: dict[tuple[int, str], None] = {}
        self._patience = PATIENCE

    def mistake(self, line: int, words: str) -> None:
        """Note that the graph cannot run. `line` counts from 1, or is WHOLE_FILE or COMMAND_LINE."""
        self._mistakes[line, words] = None

    def warning(self, line: int, words: str) -> None:
        """Note what may surprise, but runs."""
        self._warnings[line, words] = None

    def nearest(self, word: str, known: Collection[str]) -> str | None:
        """The known word that `word` was probably meant to be."""
        self._patience -= len(known)
        if self._patience < 0 or len(word) > SHOWN:
            return None
        return next(iter(difflib.get_close_matches(word, known, n=1)), None)

    def did_you_mean(self, word: str, known: Collection[str]) -> str:
        """A sentence that suggests the nearest known word, or says what there is."""
        if near := self.nearest(word, known):
            return f"Did you mean {quoted(near)}?"
        some = [*list(known)[:MENTIONED], *([f"{len(known) - MENTIONED} more"] if len(known) > MENTIONED else [])]
        return f"Known are {listed(some)}." if known else "There are none."

    def stop(self) -> None:
        """Raise GraphError if there is a mistake."""
        if self._mistakes:
            raise self.error()

    def error(self) -> GraphError:
        """What is to be raised for the mistakes so far."""
        return GraphError(self._sorted(self._mistakes))

    @property
    def warnings(self) -> list[str]:
        return self._sorted(self._warnings)

    def _sorted(self, found: Iterable[tuple[int, str]]) -> list[str]:
        lines = [f"{self._place(line)}: {words}" for line, words in sorted(found, key=lambda one: one[0])]
        return [line.encode(errors="backslashreplace").decode() for line in lines]  # a path may be no UTF-8

    def _place(self, line: int) -> str:
        if line == COMMAND_LINE:
            return "command line"
        return self._file if line == WHOLE_FILE else f"{self._file}:{line}"


def quoted(text: str) -> str:
    """The user's text in double quotes, on one line and not too long."""
    plain = "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text[: SHOWN + 1])
    return f'"{plain[:SHOWN]}…"' if len(plain) > SHOWN else f'"{plain}"'


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *head, tail = names
    return f"{', '.join(head)} {last} {tail}" if head else tail
