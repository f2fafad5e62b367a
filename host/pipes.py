"""The pipes of a graph's wires: one for each pair of replicas, as each of the two is to know it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from bus.encoding import BETWEEN_HOSTS, RAW
from bus.link import PREFETCH, Pipe
from host.reading import network
from host.reading.problems import Problems, quoted
from host.reading.shape import Ends, Graph, Node, Wire

CURE_OF_PATHS = "Shorten the names, or set XDG_RUNTIME_DIR to a shorter path."
MAX_SOCKET_PATH = 107  # bytes; sun_path in unix(7), less its closing NUL


class Meeting(NamedTuple):
    """Where two replicas meet: one listens, the other dials."""

    listener: Node
    heard: str  # the address that the listener binds
    dialled: str

    def address(self, node: Node) -> str:
        return self.heard if node is self.listener else self.dialled


class Pipes:
    """Both ends of every pipe, by the replica that gets it on its command line."""

    def __init__(self, graph: Graph, run: Path, problems: Problems) -> None:
        """Pipes on one host are sockets in the folder `run`; a path that is too long for one is a mistake."""
        self.pulls: defaultdict[str, list[Pipe]] = defaultdict(list)
        self.pushes: defaultdict[str, list[Pipe]] = defaultdict(list)
        self._graph, self._run = graph, run
        for wire in graph.wires.values():
            self._lay(wire)
        _check_paths(graph, (pipe for pipes in self.pulls.values() for pipe in pipes), problems)
        for pool in (host for host in graph.hosts.values() if host.is_pool):
            if len(os.fsencode(path := f"{run}/{pool.name}.pool")) > MAX_SOCKET_PATH:
                words = (
                    f"the pool {quoted(pool.name)} would need the socket {path}, which is over {MAX_SOCKET_PATH} bytes."
                )
                problems.mistake(pool.line, f"{words} {CURE_OF_PATHS}")

    def _lay(self, wire: Wire) -> None:
        puller = self._graph.nodes[wire.puller]
        pushers = [self._graph.nodes[name] for name in wire.pushers]
        contract = network.contract(self._graph, wire)
        sources = [(pusher, source) for pusher in pushers for source in pusher.names]
        for number, ((pusher, source), sink) in enumerate(product(sources, puller.names)):
            if pusher.host == puller.host:
                address = f"ipc://{self._run}/{wire.name}-{source}-{sink}"
                meeting = Meeting(puller, address, address)
            else:
                meeting = self._over_network(wire, number, pusher, puller)
            unless_said = RAW if pusher.host == puller.host else BETWEEN_HOSTS
            self.pushes[source].append(
                Pipe(
                    address=meeting.address(pusher),
                    bind=meeting.listener is pusher,
                    wire=wire.name,
                    peer=sink,
                    output=_side(pusher.outputs, wire),
                    keep=wire.keep,
                    encode=wire.encode or unless_said,
                    max_age=wire.max_age or 0.0,
                    **self._across(wire, puller, pusher, contract),
                )
            )
            self.pulls[sink].append(
                Pipe(
                    address=meeting.address(puller),
                    bind=meeting.listener is puller,
                    wire=wire.name,
                    peer=source,
                    input=_side(puller.inputs, wire),
                    keep=wire.keep,
                    prefetch=wire.prefetch or PREFETCH,
                    in_order=puller.in_order,
                    **self._across(wire, pusher, puller, contract),
                )
            )

    def _over_network(self, wire: Wire, number: int, pusher: Node, puller: Node) -> Meeting:
        """The meeting of the pair `number` of a wire between hosts, on a port of its own."""
        port = network.ports(self._graph, wire)[network.PORTS_A_PIPE * number]
        listener = puller if wire.address and wire.address.host == puller.host else pusher
        host = self._graph.hosts[str(listener.host)]
        return Meeting(listener, network.heard_at(host, port), f"tcp://{host.address}:{port}")

    def _across(self, wire: Wire, peer: Node, node: Node, contract: str) -> dict[str, Any]:
        """What an end of a pipe between hosts has of its own: the key that `node` expects of `peer`, and the like."""
        if peer.host == node.host:
            return {}
        if wire.insecure:
            return {"insecure": True, "contract": contract}
        return {"key": self._graph.hosts[str(peer.host)].key or "", "contract": contract}


def _side(ends: Ends, wire: Wire) -> str:
    """The name of the input or output that the wire is joined to."""
    return next(name for name, wires in ends.items() if wire.name in wires)


def _check_paths(graph: Graph, pipes: Iterable[Pipe], problems: Problems) -> None:
    """Note each wire that has a socket whose path the system does not take."""
    too_long: dict[str, str] = {}
    for pipe in pipes:
        path = pipe.data.removeprefix("ipc://")
        if pipe.scheme == "ipc" and len(os.fsencode(path)) > MAX_SOCKET_PATH:
            too_long.setdefault(pipe.wire, path)
    for name, path in too_long.items():
        words = f"wire {quoted(name)} would need the socket {path}, which is over {MAX_SOCKET_PATH} bytes long."
        problems.mistake(graph.wires[name].line, f"{words} {CURE_OF_PATHS}")
