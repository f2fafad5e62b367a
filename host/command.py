"""A checked graph -> the command line of each of its processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bus.link import Pipe
from host import keyring
from host.pipes import Pipes
from host.reading.problems import WHOLE_FILE, Problems, quoted
from host.reading.shape import Graph, Node

STANDIN = Path(__file__).with_name("pool") / "standin.py"


@dataclass(frozen=True)
class Process:
    """One replica of a node."""

    replica: str  # converter.1
    label: str  # how log lines call it: converter.1, or watcher where there is but one
    node: Node
    argv: tuple[str, ...]
    env: Mapping[str, str]  # the variables that graph.yaml gives it
    there: tuple[str, ...] = ()  # of one on a pool: the command line on its machine, where --run and --key are added
    pipes: tuple[Pipe, ...] = ()  # its ends of them
    outgoing: tuple[str, ...] = ()  # the wires that it pushes, as its books have them


def processes(graph: Graph, run: Path, host: str | None = None, *, trace: bool = False) -> list[Process]:
    """The processes of `host`, or of all hosts, those of a sink first, those of a source last.

    Their sockets are to be in the folder `run`. `trace`: whether they are to note what they do with each message.
    Raises GraphError if they cannot be there, or if `host` has no node.
    """
    problems = Problems(str(graph.path))
    hosts = list(filter(None, map(graph.launcher, graph.nodes.values())))
    if host is not None and host not in hosts:
        cure = problems.did_you_mean(host, dict.fromkeys(hosts))
        problems.mistake(WHOLE_FILE, f"no node runs on the host {quoted(host)}. {cure}")
    pipes = Pipes(graph, run, problems)
    problems.stop()
    grants = _grants(graph)
    own = [node for name in graph.order() if host in (None, graph.launcher(node := graph.nodes[name]))]
    return [
        _placed(graph, node, replica, run, pipes)
        if node.host and graph.hosts[node.host].is_pool
        else Process(
            replica=replica,
            label=_label(node, replica),
            node=node,
            argv=(
                *program(node),
                *_wiring(graph, node, replica, run, pipes, grants[node.name]),
                *_tracing(node, trace),
                *arguments(node),
            ),
            env=node.env,
            pipes=(*pipes.pulls[replica], *pipes.pushes[replica]),
            outgoing=_outgoing(pipes, replica),
        )
        for node in reversed(own)
        for replica in node.names
    ]


def _placed(graph: Graph, node: Node, replica: str, run: Path, pipes: Pipes) -> Process:
    """One that Ray gives a machine: here runs its stand-in, which is told all that the machine needs to know."""
    pool = graph.hosts[str(node.host)]
    ends = [f"--pull={pipe}" for pipe in pipes.pulls[replica]] + [f"--push={pipe}" for pipe in pipes.pushes[replica]]
    words = (*(node.command or ("-m", str(node.run))), f"--name={replica}", *ends, *arguments(node))
    order = {
        "replica": replica,
        "pool": pool.name,
        "is_module": node.run is not None,
        "env": [*node.env],  # their values, which may be secrets, are in the stand-in's environment
        "folder": str(graph.folder),
        "key": pool.key or "",
        "resources": node.resources,
        "memory": node.memory,
        "stall": node.stall,
        "pushers": list(dict.fromkeys(pipe.peer for pipe in pipes.pulls[replica])),
    }
    return Process(
        replica=replica,
        label=_label(node, replica),
        node=node,
        argv=(sys.executable, "-I", "-S", str(STANDIN), str(run / f"{pool.name}.pool"), json.dumps(order), *words),
        env=node.env,
        there=("python", *words) if node.run else words,
        outgoing=_outgoing(pipes, replica),
    )


def _label(node: Node, replica: str) -> str:
    return replica if node.replicas > 1 else node.name


def _outgoing(pipes: Pipes, replica: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pipe.wire for pipe in pipes.pushes[replica]))


def program(node: Node) -> tuple[str, ...]:
    """What starts the node's program."""
    return node.command or (sys.executable, "-m", str(node.run))


def arguments(node: Node) -> list[str]:
    """The node's own arguments, as they stand on its command line."""
    flags = []
    for name, value in node.args.items():
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, list | dict):
            flags.append(f"--{name}={json.dumps(value, separators=(',', ':'), ensure_ascii=False)}")
        elif value is not None:
            flags.append(f"--{name}={value}")
    return flags


def _wiring(graph: Graph, node: Node, replica: str, run: Path, pipes: Pipes, granted: Iterable[str]) -> list[str]:
    """What the launcher tells a replica; nothing to a command without wires, which need not be a node of ours."""
    pulls, pushes = pipes.pulls[replica], pipes.pushes[replica]
    if node.command and not pulls and not pushes:
        return []
    flags = [f"--name={replica}", f"--run={run}"]
    if any(pipe.key for pipe in (*pulls, *pushes)):
        flags.append(f"--key={keyring.file(graph.folder, str(node.host))}")
    flags += [f"--grant={folder}" for folder in granted]
    return flags + [f"--pull={pipe}" for pipe in pulls] + [f"--push={pipe}" for pipe in pushes]


def _tracing(node: Node, trace: bool) -> list[str]:
    """A command may be in another language, and know of no such flag."""
    return ["--trace"] if trace and node.run else []


def _grants(graph: Graph) -> dict[str, list[str]]:
    """Node -> the folders whose files may be named in messages to it: those of all nodes upstream on its host."""
    below: dict[str, dict[tuple[str | None, str], None]] = {}  # node -> the host and folder of it, and of all upstream
    grants = {}
    for name in graph.order():  # once along the wires: the way back to the sources from each node is quadratic
        node = graph.nodes[name]
        upstream = {place: None for pusher in graph.pushers[name] for place in below[pusher]}
        grants[name] = [folder for host, folder in upstream if host == node.host]
        below[name] = {**upstream, (node.host, _absolute(graph, node.folder)): None} if node.folder else upstream
    return grants


def _absolute(graph: Graph, folder: str) -> str:
    """One with a variable in it is for the node to expand, in the graph's folder, too."""
    return folder if "${" in folder else str(graph.folder / folder)
