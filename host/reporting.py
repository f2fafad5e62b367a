"""How a run tells of itself: lines, and on a terminal a table below them."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from host.command import Process
from host.facts import Facts
from host.graph import Graph
from host.report import Report
from host.screen import Screen, can_show


def reporting(
    graph: Graph, plan: Sequence[Process], run: Path, *, as_json: bool
) -> tuple[Report, Sequence[Callable[[Facts], None]]]:
    """The report, and who is to be shown each look at the graph for it. `run`: where the lines are kept, too."""
    names = [process.label for process in reversed(plan)]
    descriptor = sys.stdout.fileno() if sys.stdout else None
    if descriptor is None or as_json or not can_show(descriptor):
        return Report(names, descriptor, as_json=as_json, journal=run), []
    from host.live import Live  # here, because a log that goes to a file needs no rich, which takes a while

    screen = Screen(descriptor)
    report = Report(names, descriptor, journal=run, screen=screen)
    return report, [Live(report, screen, run, graph).show]
