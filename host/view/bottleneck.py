"""Which part of the graph holds up the others, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Part = Mapping[str, Any]  # a node or a wire, as in status.json

BUSY = 0.85  # the part of its time from which on a node does nothing but work
HELD_UP = 0.15  # … from which on a node is held up by a wire
IDLE = 0.5  # … from which on a node mostly waits
FULL = 0.9  # the part of the processors from which on a machine is full
HUNGRY = 0.1  # processors of one replica from which on another one would need some, too
STARVED = 0.2  # the part of a replica's time in which it waits for a processor, from which on it lacks them
ON_DISK = 0.5  # the part of a node's work that a disk takes, from which on it is the disk's
FASTER = 1.03  # by how much a source must be ahead for that to be worth a word
MORE = "add replicas"
STEADY = 2  # messages that are not sent yet: fewer may be on their way by chance


def words(nodes: Sequence[Part], wires: Sequence[Part], machines: Mapping[str, Part]) -> str:
    """A sentence; none while nothing waits for anything.

    `machines`: of each host that is known its `cores`, and how many of them are `busy`.
    """
    by_name = {node["name"]: node for node in nodes}
    held = [
        node
        for node in nodes
        if node["shares"]["working"] >= BUSY and node["pulls"] and _is_awaited(node, by_name, wires)
    ]
    if held:
        return _slowest(max(held, key=lambda node: node["shares"]["working"]), nodes, wires, machines)
    if narrow := [wire for wire in wires if _is_narrow(wire, by_name)]:
        return _narrowest(max(narrow, key=lambda wire: wire["queued"]))
    sources = [node for node in nodes if not node["pulls"] and node["state"] == "runs"]
    if len(sources) == 1 and _sets_the_pace(sources[0], nodes, wires):
        return f"{sources[0]['name']} sets the pace: {_rate(sources[0]['rates']['made'])}; the others wait for it"
    return ""


def _slowest(node: Part, nodes: Sequence[Part], wires: Sequence[Part], machines: Mapping[str, Part]) -> str:
    offered = _offered(node, nodes, wires)
    taken = node["rates"]["in"]
    rates = f"{_rate(taken)} of {_rate(offered)}" if offered > taken * FASTER else _rate(taken)
    return f"{node['name']} is the slowest: {rates}; {cure(node, machines.get(node['host']))}"


def cure(node: Part, machine: Part | None) -> str:
    """What helps a node that never waits for messages, or what it does wait for."""
    if node["shares"]["disk"] >= ON_DISK * node["shares"]["working"]:
        return "its disk is slow"
    replicas = [one for one in node["replicas"] if one["state"] != "spare"]
    count = max(1, len(replicas))  # another host may say anything
    hunger, starved = (sum(one[of] for one in replicas) / count for of in ("cpu", "starved"))
    if machine and machine["busy"] >= FULL * machine["cores"] and (hunger >= HUNGRY or starved >= STARVED):
        return f"the machine is full ({machine['cores']} core{'' if machine['cores'] == 1 else 's'})"
    return "it has to wait for a processor" if starved >= STARVED else MORE


def _narrowest(wire: Part) -> str:
    size = f"{wire['bytes_rate'] / 1e6:.1f} MB/s"
    return f"the wire {wire['name']} between hosts is the limit: {_rate(wire['rate'])}, {size}; send less, or encode it"


def _is_awaited(node: Part, by_name: Mapping[str, Part], wires: Sequence[Part]) -> bool:
    """Whether something upstream waits for it."""
    for wire in wires:
        if wire["to"] == node["name"] and holds_up([by_name[name] for name in wire["from"]], [wire]):
            return True
    return False


def holds_up(pushers: Sequence[Part], wires: Sequence[Part]) -> bool:
    """Whether something waits for who pulls `wires`, which these push."""
    queued = sum(wire["queued"] for wire in wires)
    backlog = sum(pusher["counters"].get("backlog", 0) for pusher in pushers)
    return max(queued, backlog) >= STEADY or any(pusher["shares"]["blocked"] >= HELD_UP for pusher in pushers)


def _is_narrow(wire: Part, by_name: Mapping[str, Part]) -> bool:
    """Whether messages wait for a wire between hosts, and its puller for messages."""
    if not wire["between_hosts"] or wire["pullers"] == 0 or wire["to"] not in by_name:
        return False
    puller = by_name[wire["to"]]
    is_full = wire["queued"] >= STEADY or any(by_name[one]["shares"]["blocked"] >= HELD_UP for one in wire["from"])
    return is_full and puller["state"] == "runs" and puller["shares"]["waiting"] >= IDLE


def _sets_the_pace(source: Part, nodes: Sequence[Part], wires: Sequence[Part]) -> bool:
    """Whether all else waits for a source that has an end, and so could be read faster."""
    counters, others = source["counters"], [node for node in nodes if node is not source and node["pulls"]]
    return (
        counters.get("total", 0) > counters.get("made", 0) > 0
        and source["shares"]["blocked"] < HELD_UP
        and source["rates"]["made"] > 0
        and not any(wire["queued"] >= STEADY for wire in wires)
        and all(node["shares"]["waiting"] >= IDLE for node in others if node["state"] == "runs")
    )


def _offered(node: Part, nodes: Sequence[Part], wires: Sequence[Part]) -> float:
    """How many a second the sources upstream of it make."""
    pushers = {wire["to"]: set[str]() for wire in wires}
    for wire in wires:
        pushers[wire["to"]].update(wire["from"])
    upstream, ahead = set[str](), [node["name"]]
    while ahead:
        found = pushers.get(ahead.pop(), set()) - upstream
        upstream |= found
        ahead += found
    return float(sum(_made(one) for one in nodes if one["name"] in upstream and not one["pulls"]))


def _made(source: Part) -> float:
    """How many a second it makes; one that does not say how far it is at least those that have arrived."""
    return float(max(source["rates"]["made"], source["rates"]["out"]))


def _rate(rate: float) -> str:
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
