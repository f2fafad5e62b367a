"""What other hosts' launchers say of their replicas, as far as it means something for the nodes here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from host.failures import Failures
from host.graph import Graph
from host.runfolder import RunFolder
from host.view.facts import STATUS, Facts, fitted
from host.view.overview import HOSTS, MOST
from host.view.states import SHOWN

FAILED, ENDED, SPARE = "failed", "ended", "spare"
OVER = (FAILED, ENDED, SPARE, "stopped")  # states in which a replica has no life to come, as far as is known
THROUGH = (FAILED, "done", "stopped")  # … of a host's whole part of the graph

Told = set[tuple[str, str]]  # (replica here, the one there that it is wired to)


class Elsewhere:
    """Reads what the link has written down: an end over there is one for the nodes here, too.

    However long ago it was said: the link takes what a launcher says anew, or a later run of it, as soon as it hears
    that. A launcher that has just ended, or is cut off, says nothing a second time. A replica that was spare and begins
    speaks for itself, too: who pulls from it may hear that before the link does (bus/pull.py).
    """

    def __init__(
        self, graph: Graph, host: str | None, run: RunFolder, failures: Failures, say: Callable[[str], None]
    ) -> None:
        self.failed: list[str] = []  # replicas, with their hosts
        self.over = set[str]()  # nodes that have no replica left
        self._host, self._run, self._failures, self._say = host, run, failures, say
        self._through = set[str]()  # hosts
        self._told, self._untold = Told(), Told()  # that it has ended; the latter for want of room on the disk
        self.learn(graph)

    def learn(self, graph: Graph) -> None:
        """From now on this is the graph."""
        host, self._graph = self._host, graph
        launchers = {graph.launcher(node) for node in graph.nodes.values()}
        others = [name for name in graph.hosts if host is not None and name != host and name in launchers]
        self._files = {name: self._run.path / HOSTS / f"{name}.json" for name in others}
        self._wired = {node: list(_wired(graph, node, host)) for node in graph.nodes}
        here = [name for name, node in graph.nodes.items() if graph.launcher(node) == host and others]
        self._feeding = {graph.launcher(graph.nodes[name]) for name in graph.upstream(*here)} & self._files.keys()
        replicas = {replica for node in graph.nodes.values() for replica in node.names}
        self._told = {pair for pair in self._told if replicas.issuperset(pair)}
        self._untold = {pair for pair in self._untold if replicas.issuperset(pair)}
        self.over &= {name for name, node in graph.nodes.items() if graph.launcher(node) in self._files}

    def look(self) -> bool:
        """Take in what is new; whether anybody has failed for good."""
        for here, there in [*self._untold]:
            self._tell(here, there)
        for host, path in self._files.items():
            status = _said(path)
            (self._through.add if status["state"] in THROUGH else self._through.discard)(host)
            for node in status["nodes"]:
                known = self._graph.nodes.get(node["name"])
                if known is not None and self._graph.launcher(known) == host:
                    self._look_at(node, host, known.names)
        return bool(self.failed)

    @property
    def may_have_failed(self) -> bool:
        """Whether a host on which nodes upstream of ours run has not said how its part has ended."""
        return not self._feeding <= self._through

    def _look_at(self, node: Facts, host: str, names: Sequence[str]) -> None:
        replicas = {one["name"]: one for one in node["replicas"] if one["name"] in names}
        for name, replica in replicas.items():
            where, state = f"{name} on {host}", replica["state"]
            if state == FAILED and where not in self.failed:
                self.failed.append(where)
                self._say(f"{where} has failed for good: {replica['words'][:SHOWN]}")
                self._failures.mark(name, None, self._say)
            for here in self._wired[node["name"]]:
                if state in (ENDED, SPARE):
                    self._tell(here, name)
                elif (here, name) in self._told:  # it is wanted now, or its launcher was started again
                    self._told.remove((here, name))
                    self._run.untell_ended(here, name)
        states = {one["state"] for one in replicas.values()}
        if len(replicas) == len(names) and states.issubset(OVER) and states != {SPARE}:
            self.over.add(node["name"])
        else:
            self.over.discard(node["name"])

    def _tell(self, here: str, there: str) -> None:
        """Let one who is wired to it know that it has ended: it may have said so itself, and not been heard."""
        self._told.add((here, there))
        try:
            self._run.tell_ended(here, there)
        except OSError:  # no room: tries again with each look
            self._untold.add((here, there))
        else:
            self._untold.discard((here, there))


def _wired(graph: Graph, node: str, host: str | None) -> Iterator[str]:
    """The replicas on `host` that pull from `node`, or push to it."""
    for name in (*graph.pullers[node], *graph.pushers[node]):
        if graph.launcher(graph.nodes[name]) == host:
            yield from graph.nodes[name].names


def _said(path: Path) -> Facts:
    """What a launcher has said last; nothing if it has not, or if the file is not what it is to be."""
    try:
        with open(path, "rb") as file:
            letter = json.loads(file.read(MOST))
    except (OSError, ValueError, RecursionError):  # the link writes it anew in a second
        letter = {}
    status: Facts = fitted(letter.get("status") if isinstance(letter, dict) else {}, STATUS)
    return status
