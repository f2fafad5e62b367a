"""What the launcher tells of its graph: lines, the figures of the books, status.json, and what has happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from host.child import Child
from host.graph import Graph
from host.runfolder import RunFolder
from host.view.events import Events, Kind
from host.view.facts import Facts
from host.view.figures import Figures
from host.view.ledger import Ledger
from host.view.report import GRAPH, Report
from host.view.status import Status, accounts
from host.view.waiting import Waiting


class Telling:
    """Says it, and keeps it for who looks later."""

    def __init__(
        self,
        graph: Graph,
        run: RunFolder,
        children: Sequence[Child],
        report: Report,
        watchers: Sequence[Callable[[Facts], None]],
    ) -> None:
        """`watchers` are shown status.json with each look."""
        self._report, self._watchers = report, watchers
        self._ledger = Ledger(accounts(children), time.monotonic())
        self._figures = Figures(self._ledger, graph.dropping(_nodes(graph, children)))
        self._events = Events()
        self._waiting = Waiting(self._of_node)
        self._status = Status(graph, run, children, self._ledger, self._events, partial(report.line, GRAPH))

    def learn(self, graph: Graph, children: Sequence[Child]) -> None:
        """From now on this is the graph, and these are the replicas here."""
        self._ledger.learn(accounts(children), time.monotonic())
        self._figures.learn(graph.dropping(_nodes(graph, children)))
        self._status.learn(graph, children)

    def of_graph(self, words: str) -> None:
        """Something has happened to the graph as a whole."""
        self._report.line(GRAPH, words)
        self._events.note(GRAPH, "graph", words)

    def of(self, child: Child, kind: Kind, words: str) -> None:
        """Something has happened to `child`."""
        child.say(words)
        self._events.note(child.process.label, kind, words)

    def _of_node(self, name: str, words: str) -> None:
        """Several of its replicas wait for a machine."""
        self._report.line(name, words)
        self._events.note(name, "pending", words)

    def look(self, state: str) -> None:
        """Read the books, and show what stands there. `state`: how the graph as a whole is."""
        self._ledger.look(time.monotonic())
        facts = self._status.look(state)
        self._waiting.look(facts["nodes"], time.monotonic())
        for show in self._watchers:
            show(facts)

    @property
    def facts(self) -> Facts:
        """What status.json says by the last look."""
        return self._status.facts

    def rates(self) -> str:
        """The line of rates, after each look; nothing unless it is due."""
        if line := self._figures.look():
            self._report.line(GRAPH, line)
        return line

    def summary(self) -> str:
        """How it went, in one line."""
        return self._figures.summary()


def _nodes(graph: Graph, children: Sequence[Child]) -> list[str]:
    """Those here that the graph has, the source first."""
    names = dict.fromkeys(child.node.name for child in reversed(children))
    return [name for name in names if name in graph.nodes]
