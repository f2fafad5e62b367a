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
from host.view.status import SHOWN

FAILED, ENDED = "failed", "ended"
OVER = (FAILED, ENDED, "stopped")  # states from which no replica comes back in its launcher's run
THROUGH = (FAILED, "done", "stopped")  # … of a host's whole part of the graph

Told = set[tuple[str, str]]  # (puller here, pusher there)


class Elsewhere:
    """Reads what the link has written down: an end over there is one for the nodes here, too.

    However long ago it was said: in one run of a launcher no replica comes back from its end, and the link takes what a
    later run says as soon as it hears it. A launcher that has just ended, or is cut off, says nothing a second time.
    """

    def __init__(
        self, graph: Graph, host: str | None, run: RunFolder, failures: Failures, say: Callable[[str], None]
    ) -> None:
        self.failed: list[str] = []  # replicas, with their hosts
        self.over = set[str]()  # nodes that have no replica left
        self._host, self._run, self._failures, self._say = host, run, failures, say
        self._through = set[str]()  # hosts
        self._told, self._untold = Told(), Told()  # that the pusher has ended; the latter for want of room on the disk
        self.learn(graph)

    def learn(self, graph: Graph) -> None:
        """From now on this is the graph."""
        host, self._graph = self._host, graph
        launchers = {graph.launcher(node) for node in graph.nodes.values()}
        others = [name for name in graph.hosts if host is not None and name != host and name in launchers]
        self._files = {name: self._run.path / HOSTS / f"{name}.json" for name in others}
        self._pullers = {node: list(_pullers(graph, node, host)) for node in graph.nodes}
        here = [name for name, node in graph.nodes.items() if graph.launcher(node) == host and others]
        self._feeding = {graph.launcher(graph.nodes[name]) for name in graph.upstream(*here)} & self._files.keys()
        replicas = {replica for node in graph.nodes.values() for replica in node.names}
        self._told = {pair for pair in self._told if replicas.issuperset(pair)}
        self._untold = {pair for pair in self._untold if replicas.issuperset(pair)}
        self.over &= {name for name, node in graph.nodes.items() if graph.launcher(node) in self._files}

    def look(self) -> bool:
        """Take in what is new; whether anybody has failed for good."""
        for puller, pusher in [*self._untold]:
            self._tell(puller, pusher)
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
            for puller in self._pullers[node["name"]]:
                if state == ENDED:
                    self._tell(puller, name)
                elif (puller, name) in self._told:  # its launcher was started again
                    self._told.remove((puller, name))
                    self._run.untell_ended(puller, name)
        if len(replicas) == len(names) and all(one["state"] in OVER for one in replicas.values()):
            self.over.add(node["name"])
        else:
            self.over.discard(node["name"])

    def _tell(self, puller: str, pusher: str) -> None:
        """Let one who pulls from it know that it has ended: it may have said so itself, and not been heard."""
        self._told.add((puller, pusher))
        try:
            self._run.tell_ended(puller, pusher)
        except OSError:  # no room: tries again with each look
            self._untold.add((puller, pusher))
        else:
            self._untold.discard((puller, pusher))


def _pullers(graph: Graph, pusher: str, host: str | None) -> Iterator[str]:
    """The replicas on `host` that pull from the node `pusher`."""
    for name in graph.pullers[pusher]:
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
