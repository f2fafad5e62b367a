"""Lines for whoever started the launcher: `12:00:01 converter.2 | text`; on a terminal with a table below them."""

import os
import re
import time
from collections.abc import Collection, Sequence
from itertools import cycle
from pathlib import Path

from host.view.journal import Journal, record
from host.view.output import Output
from host.view.screen import Screen

GRAPH = "graph"  # the name under which the launcher speaks of the graph as a whole
COLOURS = (36, 33, 32, 35, 34, 31)  # cyan, yellow, green, magenta, blue, red: SGR codes
LAST_WORDS = 1.0  # seconds that a slow reader, or a full disk, has at the end

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")  # CSI and OSC sequences, ECMA-48
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # all but tab


class Report:
    """Writes lines to a descriptor. It never waits for the reader, and outlives it: the graph is not the reader's."""

    def __init__(
        self,
        names: Collection[str],
        descriptor: int | None,
        *,
        as_json: bool = False,
        journal: Path | None = None,
        screen: Screen | None = None,
    ) -> None:
        """`names`: under which lines will be said, beside GRAPH. `as_json`: lines are JSON objects.

        `journal`: a folder that keeps the lines, too; `screen`: where a table can stand below them.
        """
        self._output = Output(descriptor)
        self.is_terminal = self._output.is_terminal and not as_json
        self.is_colourful = self.is_terminal and not os.environ.get("NO_COLOR")
        self._as_json = as_json
        self.know(names)
        self._journal = Journal(journal, lambda words: self.line(GRAPH, words)) if journal else None
        self._screen = screen
        self._table: Sequence[str] = ()
        self._dropped = 0

    def know(self, names: Collection[str]) -> None:
        """Under these names lines will be said from now on, beside GRAPH."""
        self._width = max(map(len, [*names, GRAPH]))
        self._colours = dict(zip(names, cycle(COLOURS), strict=False)) if self.is_colourful else {}

    def line(self, name: str, text: str) -> None:
        """Say `text` under `name`, a node's or GRAPH; what could command a terminal is taken out of it."""
        self._put(time.time(), name, plain(text))
        if not self._table:  # else at the next turn: many lines at once need the table only once
            self.flush()

    def whisper(self, name: str, text: str) -> None:
        """Say what is to be kept nowhere."""
        self._output.put(self._form(time.time(), name, plain(text)))
        self.flush()

    def show(self, table: Sequence[str]) -> None:
        """From now on this table stands below the lines."""
        self._table = table
        if self._screen and self._output.is_empty:  # a reader that is behind gets the next one
            self._output.put(self._screen.lift())
            self.flush()

    def flush(self, seconds: float = 0.0) -> None:
        """Write what the reader takes now, or within `seconds`."""
        self._draw()
        self._output.flush(seconds)
        if self._dropped and self._output.is_empty:
            self._put(time.time(), GRAPH, f"{self._dropped} lines are not shown: nobody read them in time")
            self._dropped = 0
            self._draw()
            self._output.flush(seconds)

    @property
    def waits(self) -> bool:
        """Whether lines wait for a reader who can be waited for."""
        return self._output.waits

    def fileno(self) -> int:
        """The descriptor to wait for while lines wait."""
        return self._output.fileno()

    def _put(self, at: float, name: str, text: str) -> None:
        line = self._form(at, name, text)
        if not self._output.put(line):
            self._dropped += 1
        if self._journal:
            self._journal.note(record(at, name, text))

    def _form(self, at: float, name: str, text: str) -> str:
        if self._as_json:
            return f"{record(at, name, text)}\n"
        prefix = f"{time.strftime('%H:%M:%S', time.localtime(at))} {name:{self._width}} |"
        if name in self._colours:
            prefix = f"\x1b[{self._colours[name]}m{prefix}\x1b[0m"
        return f"{self._screen.lift() if self._screen else ''}{prefix} {text}\n"

    def _draw(self) -> None:
        """Put the table back, if lines have taken its place."""
        if self._screen and self._table and self._screen.is_clear and self._output.is_close:
            self._output.put(self._screen.draw(self._table))


def plain(text: str) -> str:
    """`text` without what could command a terminal, on one line."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", ESCAPE.sub("", text))
