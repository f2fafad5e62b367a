"""How a run tells of itself: lines, on a terminal a table below them, and a trace where that is wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

from host.plan import Plan
from host.view.facts import Facts
from host.view.report import GRAPH, LAST_WORDS, Report
from host.view.screen import Screen, can_show
from host.view.tracing import Tracing
from host.view.whereabouts import Whereabouts


class Reporting:
    """The report, and who is shown each look at the graph. All of it is written when the with-block ends."""

    def __init__(
        self,
        plan: Plan,
        run: Path,
        *,
        as_json: bool,
        trace: Path | None,
    ) -> None:
        """`run`: where lines are kept, too.

        Raises Refused if the trace cannot be written.
        """
        self.watchers: list[Callable[[Facts], None]] = []
        descriptor = sys.stdout.fileno() if sys.stdout else None
        if descriptor is None or as_json or not can_show(descriptor):
            self.report = Report(plan.names, descriptor, as_json=as_json, journal=run)
        else:
            from host.view.live import (
                Live,  # here, because a log that goes to a file needs no rich, which takes a while
            )

            screen = Screen(descriptor)
            self.report = Report(plan.names, descriptor, journal=run, screen=screen)
            self.watchers.append(Live(self.report, screen, run).show)
        self.watchers.append(Whereabouts(run, self.report).look)
        say = partial(self.report.line, GRAPH)
        self._tracing = Tracing(trace, plan.graph, plan.processes, run, say) if trace else None
        if self._tracing:
            self.watchers.append(self._tracing.look)

    def learn(self, plan: Plan) -> None:
        """From now on this is what runs."""
        self.report.know(plan.names)
        if self._tracing:
            self._tracing.learn(plan.graph, plan.processes)

    def __enter__(self) -> Reporting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tracing:
            self._tracing.close()
        self.report.flush(LAST_WORDS)
