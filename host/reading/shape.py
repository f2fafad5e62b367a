"""What a checked graph is made of: nodes, wires and hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from bus.encoding import Encoding
from host.reading.document import Plain
from host.reading.signature import Signature

Ends = Mapping[str, tuple[str, ...]]  # a parameter or output name ("" where the graph gives none) -> its wires


@dataclass(frozen=True)
class Node:
    """One program of the graph, run by as many processes as it has replicas."""

    name: str
    line: int
    run: str | None = None  # a Python module, or else
    command: tuple[str, ...] | None = None  # a program and its first arguments
    source: Path | None = None  # the module's file, where it is found on this host
    signature: Signature | None = None  # of its function, where that can be read
    host: str | None = None
    replicas: int = 1  # at most; the wires are laid for all of them
    least: int = 1  # of these run at any time; fewer than `replicas`: as many more as there is work for
    restart: str = "on-failure"
    stall: float | None = None  # seconds that user code may hold one message
    memory: int | None = None  # bytes
    in_order: bool = False
    resources: Mapping[str, Plain] = field(default_factory=dict)  # of each replica, in Ray's own words
    env: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, Plain] = field(default_factory=dict)
    folder: str | None = None  # the argument `folder`, or its default: where the node's files are
    inputs: Ends = field(default_factory=dict)
    outputs: Ends = field(default_factory=dict)

    @property
    def pulls(self) -> list[str]:
        """The wires that the node pulls."""
        return [wire for wires in self.inputs.values() for wire in wires]

    @property
    def pushes(self) -> list[str]:
        """The wires that the node pushes."""
        return [wire for wires in self.outputs.values() for wire in wires]

    @property
    def is_elastic(self) -> bool:
        """Whether how many replicas run depends on what there is to do."""
        return self.least < self.replicas

    @property
    def scale(self) -> str:
        """How many replicas there are, as graph.yaml has it: 4, or 2..6."""
        return f"{self.least}..{self.replicas}" if self.is_elastic else str(self.replicas)

    @property
    def names(self) -> list[str]:
        """The names of the node's replicas."""
        return [f"{self.name}.{number}" for number in range(1, self.replicas + 1)]


class Address(NamedTuple):
    """Where a wire between hosts is bound: the first port of its range."""

    host: str
    port: int


NO_ADDRESS = Address("", 0)  # one was given, and is a mistake


@dataclass(frozen=True)
class Wire:
    """A queue between nodes."""

    name: str
    line: int  # of its entry under `wires`, else of its first mention
    pushers: Mapping[str, int]  # node -> the line that says so
    pullers: Mapping[str, int]  # likewise; one, once the graph is checked
    address: Address | None = None
    keep: str = "all"
    prefetch: int | None = None
    encode: Encoding | None = None
    max_age: float | None = None  # seconds
    insecure: bool = False  # whether it goes without keys between hosts

    @property
    def puller(self) -> str:
        return next(iter(self.pullers))


@dataclass(frozen=True)
class Host:
    """A machine of the graph."""

    name: str
    line: int
    key: str | None = None  # its public CURVE key
    address: str | None = None  # None: it only dials out
    port: int | None = None  # where its launcher hears those of other hosts; None: it dials them
    ray: str | None = None  # the cluster that gives it machines; None: it is a machine
    runtime_env: Mapping[str, Plain] = field(default_factory=dict)  # Ray's own words
    folder: str | None = None  # where the graph's folder lies on all of those machines; None: it is sent there

    @property
    def is_pool(self) -> bool:
        """Whether it is a pool: its machines are those that Ray gives, and another host's launcher runs its nodes."""
        return self.ray is not None


@dataclass(frozen=True)
class Graph:
    """A graph whose every part fits."""

    path: Path  # as it was given
    folder: Path  # absolute; the nodes run in it
    nodes: Mapping[str, Node]
    wires: Mapping[str, Wire]
    hosts: Mapping[str, Host]
    warnings: tuple[str, ...] = ()
    text: str = field(default="", repr=False)  # what stood in the file

    def launcher(self, node: Node) -> str | None:
        """The host whose launcher runs `node`: its own, or, of a node on a pool, the first that is wired to that."""
        return self._holders.get(node.host, node.host) if node.host else None

    def upstream(self, *names: str) -> set[str]:
        """All nodes whose messages reach one of the nodes `names`, by whatever way."""
        return _reached(names, self.pushers)

    def downstream(self, *names: str) -> set[str]:
        """All nodes that messages of one of the nodes `names` reach."""
        return _reached(names, self.pullers)

    def dropping(self, names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
        """A counter in the books -> each of these nodes -> those of its wires that drop frames and count them there."""
        drops: dict[str, Callable[[Wire], object]] = {
            "passed_over": lambda wire: wire.keep == "latest",
            "outdated": lambda wire: wire.max_age,
        }
        return {
            counter: {name: [wire for wire in self.nodes[name].pushes if does(self.wires[wire])] for name in names}
            for counter, does in drops.items()
        }

    def order(self) -> Iterable[str]:
        """The nodes' names, each behind all upstream of it. Raises graphlib.CycleError."""
        return TopologicalSorter(self.pushers).static_order()

    @cached_property
    def _holders(self) -> dict[str, str]:
        """Pool -> the host whose launcher runs what is on it."""
        pools = {name for name, host in self.hosts.items() if host.is_pool}
        joined: dict[str, set[str]] = {pool: set() for pool in pools}
        for wire in self.wires.values() if pools else ():
            hosts = {str(self.nodes[node].host) for node in (*wire.pushers, *wire.pullers)}
            for pool in hosts & pools:
                joined[pool] |= hosts - pools
        return {pool: next(name for name in self.hosts if name in hosts) for pool, hosts in joined.items() if hosts}

    @cached_property
    def pushers(self) -> dict[str, list[str]]:
        """Node -> the nodes that it pulls from."""
        return {
            name: [pusher for wire in node.pulls for pusher in self.wires[wire].pushers]
            for name, node in self.nodes.items()
        }

    @cached_property
    def pullers(self) -> dict[str, list[str]]:
        """Node -> the nodes that it pushes to."""
        return {
            name: [puller for wire in node.pushes for puller in self.wires[wire].pullers]
            for name, node in self.nodes.items()
        }


def _reached(names: Iterable[str], steps: Mapping[str, list[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = [step for name in names for step in steps[name]]
    while ahead:
        step = ahead.pop()
        if step not in reached:
            reached.add(step)
            ahead += steps[step]
    return reached
