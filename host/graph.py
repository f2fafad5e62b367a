"""graph.yaml -> a checked graph: every part by itself, then what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bus.encoding import Encoding
from bus.keys import KEY_LENGTH
from host.reading import document, network, pools, results
from host.reading.document import Value
from host.reading.entry import Entries
from host.reading.keys import (
    GRAPH_KEYS,
    HOST_ADDRESS,
    HOST_KEYS,
    KEY,
    LAST_PORT,
    RAY_ADDRESS,
    WIRE_ADDRESS,
    WIRE_KEYS,
)
from host.reading.overrides import apply
from host.reading.problems import WHOLE_FILE, GraphError, Problems, listed, quoted
from host.reading.program import hiding
from host.reading.section import Section, refuse_bad_name
from host.reading.shape import NO_ADDRESS, Address, Graph, Host, Node, Wire

__all__ = ["Address", "Graph", "GraphError", "Host", "Node", "Wire", "load"]


def load(path: Path, overrides: Sequence[str] = (), text: str | None = None) -> Graph:
    """The graph in the file `path`, with each `node.key=value` of `overrides`. Raises GraphError with all mistakes.

    `text`: what stood in the file, where it may be another one by now.
    """
    problems = Problems(str(path))
    text = document.read_text(path, problems) if text is None else text
    tree = document.read(text, problems)
    apply(overrides, tree, problems)
    graph = _assembled(path, tree, problems)
    _check_wires(graph, problems)
    network.check(graph, problems)
    pools.check(graph, problems)
    results.check(graph, problems)
    problems.stop()
    return replace(graph, warnings=tuple(problems.warnings), text=text)


def _assembled(path: Path, tree: Value, problems: Problems) -> Graph:
    """The graph, each part of it checked by itself."""
    folder = path.parent.resolve()
    _refuse_hiding(folder, problems)
    top = Section("the graph", tree, GRAPH_KEYS, problems)
    hosts = {name: _host(name, entry, problems) for name, entry in _named(top, "hosts", problems).items()}
    entries = Entries(folder, hosts, problems)
    nodes = {name: entries.node(name, entry) for name, entry in _named(top, "nodes", problems).items()}
    if not nodes and top.is_mapping:
        problems.mistake(top.line_of("nodes"), "there are no nodes. Write e.g. nodes: {watcher: {run: nodes.watcher}}")
    return Graph(path, folder, nodes, _wires(top, entries, problems), hosts)


def _refuse_hiding(folder: Path, problems: Problems) -> None:
    try:
        for file, hidden in hiding(folder):
            problems.mistake(WHOLE_FILE, f"{file} hides the module {quoted(hidden)} from every node. Rename it.")
    except OSError as error:
        problems.mistake(WHOLE_FILE, f"the folder {folder} cannot be read ({error.strerror}). Check its permissions.")


def _named(top: Section, key: str, problems: Problems) -> dict[str, Value]:
    """What stands under `key`, by name."""
    entries = top.mapping(key)
    for name, entry in entries.items():
        refuse_bad_name(f"a {key[:-1]}", name, entry.line, problems)
    return entries


def _host(name: str, entry: Value, problems: Problems) -> Host:
    section = Section(f"host {quoted(name)}", entry, HOST_KEYS, problems)
    key, address = section.text("key", example='"…"'), section.text("address", example="10.0.0.7")
    if key is not None and not KEY.fullmatch(key):
        section.mistake(
            "key",
            f"{quoted(key)} is no public key, which has {KEY_LENGTH} characters of Z85."
            f" Paste whole what `python launcher.py GRAPH keys {name}` prints.",
        )
    if address is not None and not HOST_ADDRESS.fullmatch(address):
        section.mistake("address", f"{quoted(address)} is no address. Write a name or numbers alone, e.g. 10.0.0.7")
    ray, folder = section.text("ray", example="auto"), section.text("folder", example="/opt/robot")
    if ray is not None and not RAY_ADDRESS.fullmatch(ray):
        section.mistake(
            "ray", f"{quoted(ray)} is no cluster. Write auto, or the address that `ray start --head` shows."
        )
    runtime_env = {word: value.plain() for word, value in section.mapping("runtime_env").items()}
    return Host(name, entry.line, key, address, section.whole("port"), ray, runtime_env, folder)


def _wires(top: Section, entries: Entries, problems: Problems) -> dict[str, Wire]:
    """Every wire that a node names, with what `wires` says about it."""
    given = _named(top, "wires", problems)
    wires = {}
    for name in dict.fromkeys((*entries.pushed, *entries.pulled)):
        pushers, pullers = entries.pushed[name], entries.pulled[name]
        if name in given:
            wires[name] = _wire(name, given[name], pushers, pullers, problems)
        else:
            line = min((*pushers.values(), *pullers.values()))
            refuse_bad_name("a wire", name, line, problems)
            wires[name] = Wire(name, line, pushers, pullers)
    for name, entry in given.items():
        if name not in wires:
            cure = problems.did_you_mean(name, wires)
            problems.mistake(entry.line, f"wire {quoted(name)} is named under wires, and by no node. {cure}")
    return wires


def _wire(name: str, entry: Value, pushers: dict[str, int], pullers: dict[str, int], problems: Problems) -> Wire:
    section = Section(f"wire {quoted(name)}", entry, WIRE_KEYS, problems)
    keep, prefetch = section.one_of("keep"), section.whole("prefetch")
    encode, max_age = _encoding(section), section.seconds("max_age")
    return Wire(
        name, entry.line, pushers, pullers, _address(section), keep, prefetch, encode, max_age, section.flag("insecure")
    )  # fmt: skip


def _encoding(section: Section) -> Encoding | None:
    text = section.text("encode", example="jpeg:85")
    try:
        return None if text is None else Encoding.parse(text)
    except ValueError as error:
        section.mistake("encode", f"encode: {error}")
        return None


def _address(section: Section) -> Address | None:
    text = section.text("address", example='"tcp://station:5560"')
    if text is None:
        return NO_ADDRESS if section.get("address") else None
    found = WIRE_ADDRESS.fullmatch(text)
    if found is None:
        words = (
            f"{quoted(text)} is no address of a wire. Write a host of this graph and a port, as in tcp://station:5560"
        )
        section.mistake("address", words)
        return NO_ADDRESS
    host, port = found[1], int(found[2])
    if not 1 <= port <= LAST_PORT:
        section.mistake("address", f"{port} is no port. Write one from 1 to {LAST_PORT}.")
        return NO_ADDRESS
    return Address(host, port)


def _check_wires(graph: Graph, problems: Problems) -> None:
    """Note each wire that does not join what it should, and each circle that wires make."""
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
