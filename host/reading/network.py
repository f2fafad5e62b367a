"""What must hold between hosts, and which ports the wires between them, and the link of their launchers, take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from host.reading import ephemeral
from host.reading.keys import LAST_PORT
from host.reading.problems import Problems, listed, quoted
from host.reading.shape import NO_ADDRESS, Graph, Host, Wire

EXAMPLE_PORT = 5560
EXAMPLE_LINK = 5550
PORTS_A_PIPE = 2  # one for messages, one for acknowledgements


def check(graph: Graph, problems: Problems) -> None:
    """Note nodes without a place, wires that cannot cross between hosts, and ports that are wanted twice."""
    if not _all_have_places(graph, problems):
        return
    whole = [wire for wire in graph.wires.values() if wire.pushers and len(wire.pullers) == 1]
    crossing = [wire for wire in whole if len(hosts(graph, wire)) > 1 and wire.address != NO_ADDRESS]
    _check_keys(graph, crossing, problems)
    bound = [wire for wire in crossing if _can_be_bound(graph, wire, problems)]
    _check_ports(graph, bound, problems)
    _check_link(graph, bound, problems)
    _check_elastic(graph, crossing, problems)
    for wire in bound:
        host = graph.hosts[wire.address.host if wire.address else ""]
        if words := ephemeral.risk(graph, host, span := ports(graph, wire)):
            problems.warning(
                wire.line, f"wire {quoted(wire.name)} needs the ports {_span(span)} of {host.name}, {words}"
            )
    for wire in whole:
        if wire.address and len(hosts(graph, wire)) < 2:
            words = f"wire {quoted(wire.name)} stays on one host, so its address is not used."
            problems.warning(wire.line, words)


def hosts(graph: Graph, wire: Wire) -> list[str]:
    """The hosts that the wire joins: its pushers', then its puller's."""
    nodes = [*wire.pushers, wire.puller]
    return list(dict.fromkeys(str(graph.nodes[node].host) for node in nodes))


def ports(graph: Graph, wire: Wire) -> range:
    """The ports that the wire takes, from its address on, on the host that binds it."""
    first = wire.address.port if wire.address else 0
    pushers = sum(graph.nodes[pusher].replicas for pusher in wire.pushers)
    return range(first, first + PORTS_A_PIPE * pushers * graph.nodes[wire.puller].replicas)


def insecure(graph: Graph, nodes: Iterable[str]) -> list[str]:
    """The wires of `nodes` that go without keys between hosts."""
    wires = [graph.wires[wire] for node in nodes for wire in (*graph.nodes[node].pulls, *graph.nodes[node].pushes)]
    return list(dict.fromkeys(wire.name for wire in wires if wire.insecure and len(hosts(graph, wire)) > 1))


def linked(graph: Graph) -> list[Host]:
    """The hosts whose launchers talk to each other, in the graph's order; none if nobody can be dialled."""
    known = [host for host in _linking(graph) if host.key]
    return known if len(known) > 1 and any(host.port for host in known) else []


def unlinked(graph: Graph) -> list[str]:
    """Those that have no part in it, although others can be dialled, because they have no key."""
    return [host.name for host in _linking(graph) if not host.key]


def _linking(graph: Graph) -> list[Host]:
    """The hosts on which nodes run, if one of them has a port."""
    running = {graph.launcher(node) for node in graph.nodes.values()}
    found = [host for host in graph.hosts.values() if host.name in running]
    return found if any(host.port for host in found) else []


def listeners(graph: Graph) -> list[str]:
    """Where launchers hear each other, in words."""
    ports = [host for host in linked(graph) if host.port]
    return [f"launchers are heard on {host.name}, at port {host.port}" for host in ports]


def dials(graph: Graph, one: Host, other: Host) -> bool:
    """Whether the launcher of `one` dials that of `other`; of two that have a port the first in the graph listens."""
    order = list(graph.hosts)
    return bool(other.port) and (not one.port or order.index(other.name) < order.index(one.name))


def heard_at(host: Host, port: int) -> str:
    """Where `host` listens at `port`: what others dial need not be an address of its own, behind a router, say."""
    address = host.address or ""
    return f"tcp://{address if address.startswith('127.') else '*'}:{port}"


def contract(graph: Graph, wire: Wire) -> str:
    """What both ends of a wire between hosts must have read in graph.yaml, in words without a comma."""
    pushers = " + ".join(f"{name} x {graph.nodes[name].replicas}" for name in wire.pushers)
    return f"{pushers} > {wire.puller} x {graph.nodes[wire.puller].replicas}; keep: {wire.keep}"


def _all_have_places(graph: Graph, problems: Problems) -> bool:
    """Whether each node has a known host, or none has one."""
    without = [node for node in graph.nodes.values() if node.host is None]
    if len(without) == len(graph.nodes):
        return True
    for node in without:
        cure = f"Add e.g. host: {next(iter(graph.hosts), 'station')}"
        problems.mistake(node.line, f"node {quoted(node.name)} names no host, and others do. {cure}")
    return not without and all(node.host in graph.hosts for node in graph.nodes.values())


def _can_be_bound(graph: Graph, wire: Wire, problems: Problems) -> bool:
    """Whether the host that the wire's address names can take all that is to connect."""
    joined = hosts(graph, wire)
    puller = str(graph.nodes[wire.puller].host)
    name = f"wire {quoted(wire.name)}"
    if wire.address is None:
        plain = [host for host in (puller, *joined) if not graph.hosts[host].is_pool]
        binder = next((host for host in plain if graph.hosts[host].address), next(iter(plain), puller))
        words = f"goes from {listed(host for host in joined if host != puller)} to {puller} and has no address."
        cure = f'Add under wires: {wire.name}: {{address: "tcp://{binder}:{_free_port(graph, wire, binder)}"}}'
        if graph.hosts[binder].address is None:
            cure = f"{cure}, and to {binder} under hosts address: …, where others reach it."
    elif wire.address.host not in graph.hosts:
        words = f"has the address of {quoted(wire.address.host)}, which is not under hosts."
        cure = problems.did_you_mean(wire.address.host, graph.hosts)
    elif wire.address.host not in joined:
        words = f"has the address of {wire.address.host}, and joins {listed(joined)}."
        cure = "Write the address of one of these."
    elif graph.hosts[wire.address.host].is_pool:
        plain = [host for host in joined if not graph.hosts[host].is_pool]
        words = f"is bound on {wire.address.host}, a pool: nobody knows beforehand which machine Ray gives."
        cure = f'Write address: "tcp://{next(iter(plain), "station")}:{wire.address.port}", so that the pool dials.'
    elif wire.address.host != puller and len(joined) > 2:
        words = f"is pushed from {listed(host for host in joined if host != puller)}, so all connect to {puller}."
        cure = f'Write address: "tcp://{puller}:{wire.address.port}"'
    elif graph.hosts[wire.address.host].address is None:
        words = f"is bound on {wire.address.host}, which has no address."
        cure = "Add address: … to that host, or write the address of the other."
    elif ports(graph, wire).stop > LAST_PORT + 1:
        words = f"needs the ports {_span(ports(graph, wire))}, and the last port is {LAST_PORT}."
        cure = f"Begin at {LAST_PORT + 1 - len(ports(graph, wire))} or below."
    else:
        return True
    problems.mistake(wire.line, f"{name} {words} {cure}")
    return False


def _free_port(graph: Graph, wire: Wire, binder: str) -> int:
    """The first behind those of wires that have an address there, or are to have one as this one is."""
    before = [one for one in graph.wires.values() if one.pushers and len(one.pullers) == 1 and one is not wire]
    taken = [ports(graph, one).stop for one in before if one.address and one.address.host == binder]
    names = [*graph.wires]
    others = [one for one in before if one.address is None and len(hosts(graph, one)) > 1]
    ahead = [one for one in others if names.index(one.name) < names.index(wire.name)]
    return max([EXAMPLE_PORT, *taken]) + sum(len(ports(graph, one)) for one in ahead)


def _check_keys(graph: Graph, crossing: Iterable[Wire], problems: Problems) -> None:
    secure = [wire for wire in crossing if not wire.insecure]
    why = {host.name: "what launchers tell each other is" for host in graph.hosts.values() if host.port}
    why |= {host: "wires between hosts are" for wire in secure for host in hosts(graph, wire)}
    for name, what in why.items():
        if graph.hosts[name].key is None:
            words = f"host {quoted(name)} has no key, and {what} encrypted."
            cure = f"Paste here what `python launcher.py {graph.path} keys {name}` prints on that host."
            problems.mistake(graph.hosts[name].line, f"{words} {cure}")


def _check_ports(graph: Graph, bound: Iterable[Wire], problems: Problems) -> None:
    by_start = sorted(bound, key=lambda wire: ports(graph, wire).start)
    furthest: dict[str, Wire] = {}  # host -> of the wires so far, the one that ends last
    for wire in by_start:
        host = wire.address.host if wire.address else ""
        before = furthest.setdefault(host, wire)
        span, span_before = ports(graph, wire), ports(graph, before)
        if before is not wire and span.start < span_before.stop:
            one, other = sorted((before, wire), key=lambda wire: wire.line)
            words = f"wire {quoted(other.name)} needs the ports {_span(ports(graph, other))} of {host},"
            words = f"{words} and {quoted(one.name)} needs {_span(ports(graph, one))}."
            problems.mistake(other.line, f"{words} Begin e.g. at {max(span.stop, span_before.stop)}.")
        if span.stop > span_before.stop:
            furthest[host] = wire


def _check_link(graph: Graph, bound: Sequence[Wire], problems: Problems) -> None:
    """Note launchers that nobody could dial, or whose port is a wire's, or another launcher's at the same address."""
    taken: dict[tuple[str | None, int], Host] = {}
    for host in graph.hosts.values():
        if host.port is None:
            continue
        mistake = partial(problems.mistake, host.line)
        if host.address is None:
            mistake(
                f"host {quoted(host.name)} has a port, where other launchers are to dial it, and no address."
                " Add address: …, or remove the port: then it dials them."
            )
            continue
        there = [wire for wire in bound if wire.address and graph.hosts[wire.address.host].address == host.address]
        free = max([host.port + 1, *(ports(graph, wire).stop for wire in there)])
        other = taken.setdefault((host.address, host.port), host)
        clashing = [wire for wire in there if host.port in ports(graph, wire)]
        if other is not host:
            mistake(f"host {quoted(host.name)} has the address and the port of {other.name}. {_example(free)}")
        elif clashing:
            span = _span(ports(graph, clashing[0]))
            words = f"the port {host.port} of host {quoted(host.name)} is one of wire {quoted(clashing[0].name)}"
            mistake(f"{words}, {span}. {_example(free)}")


def _check_elastic(graph: Graph, crossing: Iterable[Wire], problems: Problems) -> None:
    """Note elastic nodes whose neighbours on other hosts would not learn how many replicas there are."""
    linked_hosts = {host.name for host in linked(graph)}
    for wire in crossing:
        for node in (graph.nodes[name] for name in (*wire.pushers, wire.puller)):
            launchers = {graph.launcher(graph.nodes[one]) for one in (*wire.pushers, wire.puller)}
            if node.is_elastic and len(launchers) > 1 and not linked_hosts.issuperset(launchers):
                words = f"has replicas: {node.scale}, and launchers on other hosts must hear how many there are."
                cure = f"Add a key to each host, and to one of them port: {EXAMPLE_LINK}, or write how many there are."
                problems.mistake(node.line, f"node {quoted(node.name)} {words} {cure}")


def _example(port: int) -> str:
    return f"Write e.g. port: {port if port <= LAST_PORT else EXAMPLE_LINK}"


def _span(range_: range) -> str:
    return f"{range_.start} to {range_.stop - 1}"
