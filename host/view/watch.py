"""How a graph is that runs in another terminal: once, or again and again."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from host import place
from host.beside import in_force
from host.graph import Graph, GraphError, load
from host.view import overview
from host.view.facts import Facts
from host.view.screen import Screen, can_show

PACE = 1.0  # seconds between two looks
PATIENCE = 5.0  # seconds that a launcher which has just begun has to say something
WIDE = 120  # columns where nobody says how many there are


def status(graph: Graph, host: str | None, *, as_json: bool, watch: bool) -> bool:
    """Show how the graph is, here, as far as this host's launcher knows; whether it runs.

    `watch`: until it has ended, or until Ctrl-C. Raises what host/place.py does.
    """
    host = place.here(graph, host)
    run = overview.running(graph.path, host)
    if run is None:
        print(f"{graph.path} does not run here{f' as {host}' if host else ''}", file=sys.stderr)
        return False
    facts = _first(run)
    screen = Screen(sys.stdout.fileno()) if watch and not as_json and can_show(sys.stdout.fileno()) else None
    while facts is not None:
        if as_json:
            print(json.dumps(facts), flush=True)
        else:
            _show(facts, screen)
        if not watch or overview.running(graph.path, host) != run:
            return True
        time.sleep(PACE)
        facts = _read(run)
    return True


def known(path: Path, overrides: Sequence[str], host: str | None) -> Graph:
    """The graph in the file `path`, or, where that has mistakes by now, as it runs. Raises GraphError if neither is."""
    try:
        return load(path, overrides)
    except GraphError:
        run = overview.running(path, host)
        if run is None:
            raise
        return in_force(path, run, overrides)


def _show(facts: Facts, screen: Screen | None) -> None:
    from host.view import table  # here, because nobody else needs rich, which takes a while

    if screen:
        columns, rows = screen.size
        shown = table.lines(facts, columns - 1, rows - 1, colours=not os.environ.get("NO_COLOR"))
        print(screen.lift() + screen.draw(shown), end="", flush=True)
    else:
        is_terminal = sys.stdout.isatty()
        colours = is_terminal and can_show(sys.stdout.fileno()) and not os.environ.get("NO_COLOR")
        print("\n".join(table.lines(facts, _width(is_terminal), colours=colours)), flush=True)


def _width(is_terminal: bool) -> int:
    columns = shutil.get_terminal_size((WIDE, 0)).columns
    return columns - 1 if is_terminal else columns


def _first(run: Path) -> Facts | None:
    """What the launcher says first: it writes that a moment after it holds its folder."""
    deadline = time.monotonic() + PATIENCE
    while (facts := _read(run)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return facts


def _read(run: Path) -> Facts | None:
    try:
        return overview.read(run)
    except (OSError, ValueError):  # it has not said anything yet, or has ended
        return None
