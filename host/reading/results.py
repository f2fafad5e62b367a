"""Nodes that would save results of the same frames under the same names in the same folder."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import NamedTuple

from host.reading.problems import Problems, quoted
from host.reading.program import NODES
from host.reading.shape import Graph, Node

SAVING = {"folder", "format", "by"}  # the arguments of our nodes that save each frame under its name: media/results.py
KEEPING = {
    "converter",
    "torch_converter",
    "detect",
    "motion",
    "sample",
}  # … of those that pass frames on, names and all


class Origin(NamedTuple):
    """Where frames got their names: what a node yields to one of its outputs reaches all wires of that."""

    node: str
    output: str


def check(graph: Graph, problems: Problems) -> None:
    """Warn of each that would overwrite another one's files, where that is certain; replicas of one node do not."""
    together: defaultdict[tuple[object, ...], list[Node]] = defaultdict(list)
    for node in graph.nodes.values():
        if _saves(graph, node):
            folder = os.path.normpath(graph.folder / str(node.folder))
            format = _given(node, "format") or "jpg"  # the frame's own, which mostly is that
            together[node.host, folder, format, _given(node, "by")].append(node)
    for nodes in together.values():
        first: dict[Origin, Node] = {}
        for node in nodes if len(nodes) > 1 else ():
            origins = _origins(graph, node)
            if met := min(origins & first.keys(), default=None):
                words = f"nodes {quoted(first[met].name)} and {quoted(node.name)} save the same frames, those of"
                words = (
                    f"{words} {quoted(met.node)}, under the same names in {node.folder}: one overwrites what the other"
                )
                problems.warning(node.line, f"{words} has saved. Give one of them another folder.")
            first = dict.fromkeys(origins, node) | first


def _saves(graph: Graph, node: Node) -> bool:
    """Whether it saves frames in a folder that others may have, too: each machine of a pool has its own."""
    is_alone = node.host in graph.hosts and graph.hosts[str(node.host)].is_pool
    takes = node.signature.arguments.keys() if node.signature else set()
    return bool(node.folder) and not is_alone and _is_ours(node) and takes >= SAVING


def _origins(graph: Graph, node: Node) -> set[Origin]:
    """Of what `node` saves: the way back ends where frames may get other names, or take one of several ways."""
    found: set[Origin] = set()
    seen, ahead = {node.name}, [*node.pulls]
    while ahead:
        wire = ahead.pop()
        for pusher in (graph.nodes[name] for name in graph.wires[wire].pushers):
            if _is_ours(pusher) and pusher.run and pusher.run.rpartition(".")[2] in KEEPING:
                if pusher.name not in seen:
                    seen.add(pusher.name)
                    ahead += pusher.pulls
            else:
                found.add(Origin(pusher.name, next(side for side, wires in pusher.outputs.items() if wire in wires)))
    return found


def _is_ours(node: Node) -> bool:
    return node.source is not None and node.source.is_relative_to(NODES)


def _given(node: Node, name: str) -> str:
    """Its argument, or the default of that."""
    default = node.signature.arguments[name].default if node.signature else ""
    return str(node.args.get(name, default))
