"""The stop: who is asked to leave and when, the source first and the sink last, and who is killed."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from host.child import Child
from host.graph import Graph

STOP_TIME = 8.0  # seconds from the wish to stop to the death of what is left
STAGGER = 0.5  # the part of STOP_TIME in which all nodes are asked in turn, even if none leaves


class Leaving:
    """Sees to those of the `children`, the sink first, that are let go. The graph may become another one."""

    def __init__(self, graph: Graph, children: Sequence[Child]) -> None:
        self.graph, self._children = graph, children
        self._is_whole = False  # whether all are to leave

    def stop(self) -> None:
        """Let all go."""
        self._is_whole = True
        now = time.monotonic()
        nodes = list(dict.fromkeys(child.node.name for child in reversed(self._children)))  # the source first
        turn = STOP_TIME * STAGGER / len(nodes)
        for child in self._children:
            child.let_go(leaves_at=now + turn * nodes.index(child.node.name), dies_at=now + STOP_TIME)

    def stop_who_has_no_way_on(self, over_elsewhere: Collection[str]) -> None:
        """Stop the nodes that have nobody left to push to, because of one that failed; their files wait.

        `over_elsewhere`: nodes on other hosts that have no replica left.
        """
        now = time.monotonic()
        here = {child.node.name for child in self._children}
        left = {child.node.name for child in self._children if not child.over}
        left |= self.graph.nodes.keys() - here - set(over_elsewhere)
        for child in self._children:
            pullers = self.graph.pullers.get(child.node.name)
            if pullers and left.isdisjoint(pullers) and not child.over:
                child.let_go(leaves_at=now, dies_at=now + STOP_TIME)

    def ask_who_is_next(self) -> None:
        """Ask each node as soon as those upstream of it have gone, or when they have had their time."""
        running = self._running()
        leaving = [child for child in running if child.is_leaving and not child.is_asked]
        here = {child.node.name for child in running} & self.graph.nodes.keys() if leaving else set()
        fed = self.graph.downstream(*here)
        for child in leaving:
            upstream_is_gone = self._is_whole and child.node.name not in fed
            if upstream_is_gone or child.leaves_at <= time.monotonic():
                child.ask()

    def kill_who_is_overdue(self) -> None:
        for child in self._running():
            if child.dies_at <= time.monotonic():
                child.say("has not left: killed")
                child.kill()

    def kill_everyone(self) -> None:
        for child in self._running():
            child.kill()

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.is_running]
