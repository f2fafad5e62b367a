"""The table of a graph that runs, below the launcher's lines."""

from __future__ import annotations

from pathlib import Path

from host.view import overview, table
from host.view.facts import Facts
from host.view.report import GRAPH, Report
from host.view.screen import Screen

PART = 2 / 3  # of the terminal's lines at most: the rest is the log's
LEAST = 4  # lines; a table of fewer says nothing


class Live:
    """Draws it anew with each look at the graph."""

    def __init__(self, report: Report, screen: Screen, run: Path) -> None:
        self._report, self._screen, self._run = report, screen, run
        self._is_broken = False

    def show(self, facts: Facts) -> None:
        """`facts`: this host's status.json."""
        columns, rows = self._screen.size
        if self._is_broken or rows * PART < LEAST:
            return
        try:
            whole = overview.whole(facts, self._run)
            colours = self._report.is_colourful
            self._report.show(table.lines(whole, columns - 1, int(rows * PART), colours=colours))
        except Exception as error:
            self._is_broken = True
            self._report.show(())
            self._report.line(GRAPH, f"the table is not shown any more: {error!r}")
