"""What must hold between the nodes and wires of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from host.problems import Problems, listed, quoted
from host.shape import Graph, Wire


def check(graph: Graph, problems: Problems) -> None:
    """Note each wire that does not join what it should, and each circle."""
    pushed = [wire.name for wire in graph.wires.values() if wire.pushers]
    loose = [name for name in pushed if not graph.wires[name].pullers]
    meant = [_check_pullers(wire, loose, pushed, problems) for wire in graph.wires.values() if wire.pullers]
    for name in loose:
        if name not in meant:
            _refuse_loose(graph.wires[name], problems)
    _check_circles(graph, problems)


def _check_pullers(wire: Wire, loose: list[str], pushed: list[str], problems: Problems) -> str | None:
    """The wire that was probably meant, if nobody pushes this one."""
    meant = None
    if not wire.pushers:
        meant = problems.nearest(wire.name, loose) or problems.nearest(wire.name, pushed)
        cure = f"Did you mean {quoted(meant)}?" if meant else f"Add push: {wire.name} to the node that is to fill it."
        for node, line in wire.pullers.items():
            problems.mistake(line, f"{quoted(node)} pulls {quoted(wire.name)}, but no node pushes it. {cure}")
    elif len(wire.pullers) > 1:
        nodes = listed(map(quoted, wire.pullers))
        words = f"{quoted(wire.name)} is pulled by {nodes}: each message would reach only one of them."
        problems.mistake(max(wire.pullers.values()), f"{words} Push a wire to each, or use replicas.")
    return meant


def _refuse_loose(wire: Wire, problems: Problems) -> None:
    for node, line in wire.pushers.items():
        cure = f"Add a node with pull: {wire.name}, or remove the push."
        problems.mistake(line, f"{quoted(node)} pushes {quoted(wire.name)}, but no node pulls it. {cure}")


def _check_circles(graph: Graph, problems: Problems) -> None:
    for first, *others in _circles(graph.pullers):
        way = f"is fed by itself, by way of {listed(map(quoted, others))}" if others else "pulls what it pushes"
        problems.mistake(graph.nodes[first].line, f"{quoted(first)} {way}. Remove one of these wires.")


def _circles(pullers: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Every way that leads back to where it began, found by walking each wire once, depth first."""
    seen = set()
    for start in pullers:
        way = {} if start in seen else {start: iter(pullers[start])}  # node -> where to go from it
        while way:
            seen.add(node := next(reversed(way)))
            step = next(way[node], None)
            if step is None:
                del way[node]
            elif step in way:
                nodes = list(way)
                yield nodes[nodes.index(step) :]
            elif step not in seen:
                way[step] = iter(pullers[step])
