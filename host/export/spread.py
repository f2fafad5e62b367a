"""A graph -> the same graph with each node on a host of its own, so that each can run in a container of its own.

Nodes on one host meet in the run folder of one launcher, which no two containers share. Spread, they meet as nodes on
several machines do: over TCP, with a key for each end, and launchers that talk. So whatever holds between machines
holds between containers: what was in the hands of one that dies comes again, each lets in whom the graph names and
nobody else, and a failure for good, or the end, is known everywhere. Containers may run on whatever machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from host.export.written import Tree, written
from host.graph import Graph, GraphError, Node, Wire, load
from host.reading import network
from host.reading.shape import Ends

FIRST_PORT = 5560  # of those where a node is reached by its pushers
LINK_PORT = 5550  # where one launcher hears all others
MB, MOST_MB = 1_000_000, 999_999
LONGEST = 40  # characters of a name: DNS and Kubernetes allow 63, and something may be added


def spread(graph: Graph, names: Mapping[str, str], keys: Mapping[str, str], says: str) -> str:
    """The text of the graph in which each node is a host, found by its name in `names`, with its public key in `keys`.

    `says`: the comment at its head. Raises GraphError if that graph has mistakes, such as more ports than there are.
    """
    hosts = {
        node: {"key": keys[node], "address": names[node], **({"port": LINK_PORT} if node == last(graph) else {})}
        for node in graph.nodes
    }
    nodes = {name: dict(_node(node)) for name, node in graph.nodes.items()}
    tree: Tree = {"hosts": hosts, "wires": dict(_wires(graph)), "nodes": nodes}
    text = f"# {says}\n{written({key: value for key, value in tree.items() if value})}"
    try:
        load(graph.path, text=text)
    except GraphError as error:  # its lines are those of a text that nobody has seen
        words = [re.sub(r":\d+: ", ": with a container for each node ", problem, count=1) for problem in error.problems]
        raise GraphError(words) from None
    return text


def last(graph: Graph) -> str:
    """The sink, which ends last: its launcher hears all others, and passes on what they say."""
    return [*graph.order()][-1]


def dns_names(nodes: Iterable[str]) -> dict[str, str]:
    """Node -> a name that both a network and Kubernetes take: small letters, digits and hyphens, each once."""
    taken: dict[str, str] = {}
    for node in nodes:
        slug = slugged(node)
        name, number = slug, 1
        while name in taken.values():
            number += 1
            name = f"{slug}-{number}"
        taken[node] = name
    return taken


def slugged(text: str) -> str:
    """`text` as such a name, or part of one."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-") or "folder"


def ports(graph: Graph, node: Node) -> dict[str, range]:
    """The ports at which `node` is reached, by the wires that it pulls."""
    found, first = {}, FIRST_PORT
    for wire in node.pulls:
        count = len(network.ports(graph, graph.wires[wire]))
        found[wire] = range(first, first + count)
        first += count
    return found


def _node(node: Node) -> Iterator[tuple[str, object]]:
    """Its entry, overrides included."""
    if node.command:
        yield "command", [*node.command]
    else:
        yield "run", node.run
    yield "host", node.name
    for key, ends in (("pull", node.inputs), ("push", node.outputs)):
        if ends:
            yield key, _ends(ends)
    if node.args:
        yield "args", dict(node.args)
    if node.env:
        yield "env", dict(node.env)
    if node.is_elastic:
        yield "replicas", node.scale
    elif node.replicas > 1:
        yield "replicas", node.replicas
    if node.restart != "on-failure":
        yield "restart", node.restart
    yield "stall", node.stall or False
    if node.memory:
        yield "memory", _size(node.memory)
    if node.in_order:
        yield "in_order", True
    if node.resources:
        yield "resources", dict(node.resources)


def _ends(ends: Ends) -> object:
    plain = {side: wires[0] if len(wires) == 1 else [*wires] for side, wires in ends.items()}
    return plain[""] if [*plain] == [""] else plain


def _wires(graph: Graph) -> Iterator[tuple[str, Tree]]:
    """The entry of each. Who pulls it listens: pushers may be many."""
    for node in graph.nodes.values():
        for name, numbers in ports(graph, node).items():
            wire = graph.wires[name]
            yield name, {"address": f"tcp://{node.name}:{numbers.start}", **dict(_manners(graph, wire))}


def _manners(graph: Graph, wire: Wire) -> Iterator[tuple[str, object]]:
    """What the graph says of the wire. One without keys gets them: `insecure` is not taken over."""
    if wire.keep != "all":
        yield "keep", wire.keep
    if wire.prefetch:
        yield "prefetch", wire.prefetch
    if wire.max_age:
        yield "max_age", wire.max_age
    if wire.encode:
        yield "encode", str(wire.encode)
    elif len(network.hosts(graph, wire)) == 1:
        yield "encode", "raw"  # as pixels travel on one host: containers must not change what comes out


def _size(memory: int) -> str:
    """Bytes, as graphs write them."""
    number, unit = (memory / MB, "MB") if memory <= MOST_MB * MB else (memory / MB / 1000, "GB")
    return f"{number:.6f}".rstrip("0").rstrip(".") + unit
