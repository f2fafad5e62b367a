"""What differs between two plans: which replicas go, come or begin anew, and all of it in words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from host.command import Process
from host.command import program as command_of
from host.plan import Plan
from host.reading.problems import listed
from host.reading.program import NODES
from host.reading.shape import Graph, Node, Wire

SECRET = re.compile(r"://[^/@\s]+@")  # a name and a password in an address
SHOWN = 60  # characters of a value
PLAIN = (
    "replicas",
    "host",
    "resources",
    "restart",
    "stall",
    "memory",
    "in_order",
)  # keys of a node, said as they are
OF_WIRE = ("keep", "prefetch", "encode", "max_age", "insecure")  # … of a wire
OF_HOST = ("key", "address", "port", "ray", "folder")  # … of a host
OF_POOL = ("ray", "runtime_env", "folder")


@dataclass
class Difference:
    """Replicas of this host, by name: what each is to be."""

    gone: list[str] = field(default_factory=list)
    fresh: dict[str, Process] = field(default_factory=dict)
    changed: dict[str, Process] = field(default_factory=dict)  # they begin anew, under another command line
    kept: dict[str, Process] = field(default_factory=dict)  # they go on, and do not notice

    @classmethod
    def between(cls, before: Sequence[Process], after: Sequence[Process], reloaded: Collection[str] = ()) -> Difference:
        """`reloaded`: nodes whose program has changed on the disk."""
        found, old = cls(), {process.replica: process for process in before}
        for process in after:
            was = old.pop(process.replica, None)
            if was is None:
                found.fresh[process.replica] = process
            elif process.node.name in reloaded or not is_same(was, process):
                found.changed[process.replica] = process
            else:
                found.kept[process.replica] = process
        found.gone = list(old)
        return found


def remade(before: Graph, after: Graph) -> set[str]:
    """The nodes that have another program, other arguments or variables, whatever their wires are."""
    pairs = ((before.nodes[name], node) for name, node in after.nodes.items() if name in before.nodes)
    return {new.name for old, new in pairs if _itself(old) != _itself(new)}


def is_shaped_alike(before: Graph, after: Graph) -> bool:
    """Whether both have the same replicas in the same places, with the same wires."""
    return _shape(before) == _shape(after)


def moved(before: Graph, after: Graph) -> set[str]:
    """The nodes on pools whose machines are to come from elsewhere, or to have something else."""
    pools = [host for name, host in after.hosts.items() if host.is_pool and name in before.hosts]
    changed = {host.name for host in pools if _facts(before.hosts[host.name], OF_POOL) != _facts(host, OF_POOL)}
    return {node.name for node in after.nodes.values() if node.host in changed}


def retired_pools(before: Plan, after: Plan, reloaded: Collection[str] = ()) -> set[str]:
    """Those whose placer is to be another one, or none: it has sent what nodes need, once and for all."""
    pools = {host.name for host in before.graph.hosts.values() if host.is_pool and host.name in before.companions}
    nodes = [after.graph.nodes[name] for name in moved(before.graph, after.graph)]
    nodes += [node for name in reloaded if _is_sent(node := after.graph.nodes[name], after.graph)]
    return {name for name in pools if name not in after.companions or name in {node.host for node in nodes}}


def _is_sent(node: Node, graph: Graph) -> bool:
    """Whether its code is sent to its machine; else that has it anyway."""
    return bool(node.host) and graph.hosts[str(node.host)].folder is None


def is_same(before: Process, after: Process) -> bool:
    """Whether the one that runs may go on: the order of its options means nothing."""
    start = len(command_of(after.node))
    same_options = sorted(before.argv[start:]) == sorted(after.argv[start:])
    return before.argv[:start] == after.argv[:start] and same_options and before.env == after.env


def worded(before: Plan, after: Plan, found: Difference, reloaded: Collection[str] = ()) -> list[str]:
    """What differs, a line for each node, wire and host that does; the source first."""
    old, new = before.graph, after.graph
    renamed = dict(_renamed(old, new))
    lines = []
    for name in new.order():
        if name in renamed:
            lines.append(f"{name}: new name of {renamed[name]}; starts")
        elif name not in old.nodes:
            lines.append(f"{name}: new, {_place(new, name)}{_ending(name, new, found)}")
        elif said := [*_of_node(old.nodes[name], new.nodes[name], name in reloaded)]:
            lines.append(f"{name}: {', '.join(said)}{_ending(name, new, found)}")
        elif any(process.node.name == name for process in found.changed.values()):
            what = "pool changes" if name in moved(old, new) else "wires change"
            lines.append(f"{name}: its {what}{_ending(name, new, found)}")
    lines += [f"{name}: removed" for name in old.nodes if name not in new.nodes and name not in renamed.values()]
    for name, wire in new.wires.items():
        if name in old.wires and (said := [*_of_wire(old.wires[name], wire)]):
            lines.append(f"the wire {name}: {', '.join(said)}")
    for name, host in new.hosts.items():
        if name in old.hosts and (said := [*_values(_facts(old.hosts[name], OF_HOST), _facts(host, OF_HOST))]):
            lines.append(f"the host {name}: {', '.join(said)}")
    return [*lines, *_warnings(found)]


def _of_node(before: Node, after: Node, is_reloaded: bool) -> Iterator[str]:
    yield from _values({"run": _program(before)}, {"run": _program(after)})
    yield from _values(before.args, after.args)
    yield from _values(_facts(before, PLAIN), _facts(after, PLAIN))
    for name in dict.fromkeys((*before.env, *after.env)):
        if before.env.get(name) != after.env.get(name):
            yield f"the variable {name}"  # its value may be a secret
    yield from _values({"pulls": _ends(before.inputs)}, {"pulls": _ends(after.inputs)})
    yield from _values({"pushes": _ends(before.outputs)}, {"pushes": _ends(after.outputs)})
    if is_reloaded:
        yield "its module has changed"


def _of_wire(before: Wire, after: Wire) -> Iterator[str]:
    yield from _values(_facts(before, OF_WIRE), _facts(after, OF_WIRE))
    yield from _values({"address": _address(before)}, {"address": _address(after)})


def _values(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """`name old -> new` for each value that differs."""
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was != now:
            yield f"{name} {_shown(was)} -> {_shown(now)}"


def _facts(thing: object, names: Iterable[str]) -> dict[str, Any]:
    facts = {name: getattr(thing, name) for name in names}
    return {**facts, "replicas": thing.scale} if isinstance(thing, Node) else facts


def _program(node: Node) -> str:
    return node.run or " ".join(node.command or ())


def _ends(ends: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name}: {' '.join(wires)}" if name else " ".join(wires) for name, wires in ends.items())


def _address(wire: Wire) -> str:
    return f"{wire.address.host}:{wire.address.port}" if wire.address else ""


def _shown(value: object) -> str:
    """A value on one line, not too long, without a password in it."""
    if isinstance(value, bool):
        text = str(value).lower()
    else:
        text = "nothing" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)
    text = SECRET.sub("://…@", text)
    return f"{text[:SHOWN]}…" if len(text) > SHOWN else text


def _ending(name: str, graph: Graph, found: Difference) -> str:
    """What its replicas do about it."""
    node = graph.nodes[name]
    at_first = {one: process for one, process in found.fresh.items() if one in node.names[: node.least]}
    spare = found.fresh.keys() - at_first.keys()
    count = {
        verb: sum(one.rpartition(".")[0] == name for one in ones)
        for verb, ones in (("restart", found.changed), ("start", at_first), ("leave", found.gone))
    }
    total = sum(count.values()) + sum(one.rpartition(".")[0] == name for one in (*found.kept, *spare))
    if not total:
        return f" (on {node.host})" if node.host else ""
    return "".join(f", {_number(number, total, verb)}" for verb, number in count.items() if number).replace(",", ";", 1)


def _number(number: int, total: int, verb: str) -> str:
    """`restarts` where all do, else `2 restart`."""
    return f"{verb}s" if number == total else f"{number} {verb}{'s' if number == 1 else ''}"


def _place(graph: Graph, name: str) -> str:
    """Between whom it stands."""
    pushers, pullers = (list(dict.fromkeys(ones[name])) for ones in (graph.pushers, graph.pullers))
    if pushers and pullers:
        return f"between {listed(pushers)} and {listed(pullers)}"
    if pushers:
        return f"behind {listed(pushers)}"
    return f"before {listed(pullers)}" if pullers else "by itself"


def _renamed(before: Graph, after: Graph) -> Iterator[tuple[str, str]]:
    """Each node that is new by its name alone, and what it was called."""
    gone = [node for name, node in before.nodes.items() if name not in after.nodes]
    for name, node in after.nodes.items():
        if name not in before.nodes and (was := next((one for one in gone if _but_name(one) == _but_name(node)), None)):
            gone.remove(was)
            yield name, was.name


def _shape(graph: Graph) -> object:
    nodes = {name: (node.host, node.replicas, node.pulls, node.pushes) for name, node in graph.nodes.items()}
    return nodes, {name: _facts(host, OF_HOST) for name, host in graph.hosts.items()}


def _itself(node: Node) -> tuple[object, ...]:
    return _program(node), node.args, node.env


def _but_name(node: Node) -> tuple[object, ...]:
    return *_itself(node), node.inputs, node.outputs, *_facts(node, PLAIN).values()


def _warnings(found: Difference) -> Iterator[str]:
    """What is lost with a source that has no journal."""
    for process in found.changed.values():
        if process.node.source == NODES / "splitter.py" and not process.node.folder:
            words = "has no folder, so what it holds is lost, and a clip begins anew"
            yield f"{process.node.name}: restarts, and {words}"
