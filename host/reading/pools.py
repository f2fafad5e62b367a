"""What must hold for pools: hosts whose machines Ray gives, so that nobody knows beforehand where to dial them."""

from __future__ import annotations

from host.reading.problems import Problems, listed, quoted
from host.reading.shape import Graph, Host, Node

TAKEN = ("graph", "link", "page")
OF_POOLS = ("runtime_env", "folder")  # keys that mean nothing without `ray`


def check(graph: Graph, problems: Problems) -> None:
    """Note what no pool can have, and nodes on pools that no launcher could run or whose wires could not be laid."""
    for host in graph.hosts.values():
        if host.is_pool:
            _check_pool(host, problems)
        elif given := [key for key in OF_POOLS if getattr(host, key)]:
            words = f"host {quoted(host.name)}: {listed(given)} is for pools. Add ray: auto, or remove it."
            problems.mistake(host.line, words)
    for node in graph.nodes.values():
        if _is_on_a_pool(graph, node):
            _check_node(graph, node, problems)


def _is_on_a_pool(graph: Graph, node: Node) -> bool:
    return node.host in graph.hosts and graph.hosts[str(node.host)].is_pool


def _check_pool(pool: Host, problems: Problems) -> None:
    if pool.name in TAKEN:
        words = f"host {quoted(pool.name)} is a pool, and under this name the launcher itself speaks. Give it another."
        problems.mistake(pool.line, words)
    given = [key for key in ("address", "port") if getattr(pool, key)]
    if given:
        words = f"host {quoted(pool.name)} is a pool, whose machines Ray gives, so it has no {listed(given, 'and no')}."
        problems.mistake(pool.line, f"{words} Remove that, or ray.")


def _check_node(graph: Graph, node: Node, problems: Problems) -> None:
    """Note wires both of whose ends Ray places: neither could be dialled."""
    others = {
        wire: graph.nodes[peer]
        for wire in (*node.pulls, *node.pushes)
        for peer in (*graph.wires[wire].pushers, *graph.wires[wire].pullers)
        if peer != node.name and peer in graph.nodes
    }
    placed = {wire: peer for wire, peer in others.items() if _is_on_a_pool(graph, peer)}
    for wire, peer in placed.items():
        if wire in node.pushes:  # once for each pair
            words = f"wire {quoted(wire)} joins {quoted(node.name)} and {quoted(peer.name)}, and both are on a pool:"
            cure = "neither knows where the other is. Make one node of both, or let one run on a plain host."
            problems.mistake(graph.wires[wire].line, f"{words} {cure}")
    if graph.launcher(node) == node.host and not placed:
        words = f"node {quoted(node.name)} is on the pool {node.host}, and no wire joins that with a plain host,"
        problems.mistake(node.line, f"{words} whose launcher would run it. Add a node of one that pulls what it makes.")
    if node.folder:
        _check_folder(graph.hosts[str(node.host)], node, node.folder, problems)


def _check_folder(pool: Host, node: Node, folder: str, problems: Problems) -> None:
    """Note one that nobody would find again: a relative one is in what Ray keeps of ours, and goes when that does."""
    words = f"node {quoted(node.name)}: its folder {folder} is on whichever machine of {pool.name} it runs on"
    cure = "Push to a saver on a plain host to have all results in one place"
    if folder.startswith(("/", "${")) or pool.folder:
        problems.warning(node.line, f"{words}. {cure}.")
    else:
        problems.mistake(node.line, f"{words}, among Ray's own files. {cure}, or write a whole path.")
