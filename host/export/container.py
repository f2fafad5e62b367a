"""What the container of each node needs: its command line, folders, files, secrets, and how long it lasts."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from host.command import arguments
from host.export.layout import GRAPH
from host.export.spread import dns_names, slugged
from host.graph import Graph, Node
from host.letters import DEAD_LETTERS, VARIABLE
from host.reading.program import NODES, PROJECT

MIB = 1024 * 1024
STANDARD = 2048  # MiB for each replica of a node of ours that the graph gives no `memory`: far above what it takes
UNKNOWN = ("torch_converter", "detect")  # … but these: that is up to the model, and to the GPU's libraries
LAUNCHERS = 512  # MiB for the launcher and what runs beside the nodes
LEAST = 64  # MiB that a replica takes at least, and so does each process beside it
BESIDE = 4  # of these: launcher, janitor, link and page
SHARE = 250  # thousandths of a core that a replica asks for, where a cluster places it
LIVE = ("rtsp://", "rtsps://", "srt://", "udp://", "gst:", "/dev/")  # what a splitter reads without an end


class Head(NamedTuple):
    """What the comment at the head of an export is made of."""

    command: str  # that has made it
    name: str  # of the graph, for a namespace
    deploy: str  # the folder beside the graph with what containers mount


class Volume(NamedTuple):
    """A folder that a container may write to."""

    name: str  # in small letters, digits and hyphens
    inside: str  # its path in the container
    outside: Path  # … and on this machine


@dataclass(frozen=True)
class Container:
    """That of one node, with all its replicas: wires are numbered by replica, so the launcher inside has them all."""

    name: str
    node: Node
    machine: str | None  # the graph's host that it is to run on; None: any
    volumes: Sequence[Volume]  # what is in them must outlive the container: waiting frames, results
    scratch: Sequence[str]  # paths of folders that need not
    devices: Sequence[str]
    secrets: Sequence[str]  # the variables that its arguments name
    memory: int | None  # MiB that it may take; None: nobody knows
    least: int  # MiB that it takes at least
    cpus: int  # thousandths of a core
    gpus: int
    endless: bool  # whether it never ends by itself

    @property
    def words(self) -> list[str]:
        """Behind the launcher's name. The graph in a container changes with the container only."""
        return ["graph.yaml", f"--host={self.node.name}", "--no-follow"]


def containers(graph: Graph) -> list[Container]:
    """Those of the graph, sources first."""
    names, folders = dns_names(graph.nodes), dict(_folders(graph))
    slugs = dict(zip(folders, dns_names(_slug(graph, folder) for folder in folders).values(), strict=True))
    sources = {name for name, node in graph.nodes.items() if _is_endless(node)}
    found = []
    for name in graph.order():
        node = graph.nodes[name]
        own = [folder for folder, users in folders.items() if name in users]
        owns = bool(node.outputs) and not node.inputs and node.source != NODES / "watcher.py"
        letters = graph.folder / DEAD_LETTERS / name  # of a message that no file stands for
        volumes = [Volume(slugs[folder], inside(folders[folder][name]), folder) for folder in own]
        if owns and not own:
            volumes.append(Volume(f"{DEAD_LETTERS}-{names[name]}", f"{GRAPH}/{DEAD_LETTERS}/{name}", letters))
        found.append(
            Container(
                name=names[name],
                node=node,
                machine=None if not node.host or graph.hosts[node.host].is_pool else node.host,
                volumes=volumes,
                scratch=[f"{GRAPH}/{DEAD_LETTERS}/{name}"] if owns and own else [],
                devices=[text for text in _texts(node) if text.startswith("/dev/")],
                secrets=sorted({name for text in _texts(node) for name in VARIABLE.findall(text)} - {*node.env}),
                memory=_memory(node),
                least=LEAST * (node.replicas + BESIDE),
                cpus=round(1000 * _number(node, "num_cpus", SHARE / 1000) * node.least),
                gpus=_gpus(node),
                endless=bool(sources & {name, *graph.upstream(name)}),
            )
        )
    return found


def files(graph: Graph) -> dict[Path, str]:
    """What the nodes need of this machine, modules beside the graph, programs, clips, models: where it is inside."""
    modules = [node.source for node in graph.nodes.values() if node.source and _is_own(graph, node.source)]
    own = {module.relative_to(graph.folder).parts[0] for module in modules}
    if any(module.parent == graph.folder for module in modules):  # and those may import what lies beside them
        own |= {file.name for file in graph.folder.glob("*.py")}
    found = {graph.folder / name: inside(name) for name in sorted(own)}
    states = dict(_folders(graph))
    for text in (_without_pattern(text) for node in graph.nodes.values() for text in _texts(node)):
        path = (graph.folder / text).resolve() if _may_be_a_file(text) else graph.folder
        if path != graph.folder and _exists(path) and not any(path.is_relative_to(folder) for folder in states):
            found.setdefault(path, inside(text))
    return found


def pooled(graph: Graph) -> Iterator[str]:
    """What an export makes of each pool, in words."""
    for pool in (host for host in graph.hosts.values() if host.is_pool):
        nodes = ", ".join(name for name, node in graph.nodes.items() if node.host == pool.name)
        words = f"No pool here: all replicas of {nodes}, on {pool.name} otherwise, are in one container."
        yield f"{words} For a machine each, let the launcher run where it reaches Ray (docs/pool.md)."


def inside(path: str) -> str:
    """What nodes call `path` is in a container: relative ones are so to the graph's folder there, too."""
    return os.path.normpath(f"{GRAPH}/{path}" if not path.startswith("/") else path)


def _folders(graph: Graph) -> Iterator[tuple[Path, dict[str, str]]]:
    """Each folder that nodes name, links followed: node -> how it calls it. A secret completes some: nobody knows."""
    found: dict[Path, dict[str, str]] = {}
    for node in graph.nodes.values():
        if node.folder and not VARIABLE.search(node.folder):
            found.setdefault((graph.folder / node.folder).resolve(), {})[node.name] = node.folder
    yield from found.items()


def _slug(graph: Graph, folder: Path) -> str:
    return slugged(str(folder.relative_to(graph.folder) if folder.is_relative_to(graph.folder) else folder))


def _is_own(graph: Graph, source: Path) -> bool:
    """Whether the module lies beside the graph, and is none of this project's."""
    return graph.folder != PROJECT and source.is_relative_to(graph.folder)


def _texts(node: Node) -> list[str]:
    """All that might name a file, a device or a secret."""
    words = [*(node.command or ()), *node.env.values(), *map(str, node.args.values()), *arguments(node)]
    return [*dict.fromkeys(words)]


def _without_pattern(text: str) -> str:
    """The folder in which a glob finds its files; all else as it is."""
    parts = Path(text).parts
    plain = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return str(Path(*parts[:plain]))


def _may_be_a_file(text: str) -> bool:
    return bool(text) and not text.startswith((*LIVE, "-")) and "://" not in text and "${" not in text


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _gpus(node: Node) -> int:
    """Whole ones, as no container can have a part: those of all its replicas, which share them."""
    is_cuda = str(node.args.get("device", "")).startswith("cuda")
    return math.ceil(_number(node, "num_gpus", 0.0) * node.replicas) or int(is_cuda)


def _number(node: Node, word: str, otherwise: float) -> float:
    """What the graph says that a replica takes of `word`."""
    given = node.resources.get(word)
    return float(given) if isinstance(given, int | float) else otherwise


def _memory(node: Node) -> int | None:
    if node.memory:
        return -(-node.memory // MIB) * node.replicas + LAUNCHERS
    is_known = node.source and node.source.parent == NODES and node.source.stem not in UNKNOWN
    return STANDARD * node.replicas + LAUNCHERS if is_known else None


def _is_endless(node: Node) -> bool:
    """Whether it is a source that never ends by itself. Of one of the user's own nobody knows: then it may end."""
    if node.inputs:
        return False
    if node.restart == "always" or node.source == NODES / "watcher.py":
        return True
    source = str(node.args.get("source", ""))
    is_live = source == "test:forever" or source.startswith(LIVE)
    is_cut = bool(node.args.get("limit")) or node.args.get("reopen") is False
    return node.source == NODES / "splitter.py" and is_live and not is_cut
