"""How the graph is: one document in the run folder, replaced once a second, for whoever wants to look."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

from bus.versions import versions
from host.child import Child
from host.graph import Graph, Node, Wire
from host.jsonfile import JsonFile
from host.reading import network
from host.runfolder import RunFolder
from host.view import bottleneck, measures
from host.view.events import Events
from host.view.facts import NODE, VERSION, WIRE, Facts, fitted
from host.view.families import Machine, Use
from host.view.ledger import Account, Ledger, merged, summed_wire
from host.view.measures import rate
from host.view.placed import Place, placed
from host.view.report import plain

WORST_FIRST = ("failed", "crash loop", "rests", "pending", "starts", "leaves", "runs", "stopped", "ended", "spare")
ON_THE_WAY = ("pending", "starts", "leaves", "spare")  # states that say nothing of a node whose least replicas run
COMING = ("crash loop", "rests", "pending", "starts")  # states of a replica that is wanted and does not work yet
SHOWN = 300  # characters of what a node says of itself
FILE = "status.json"


class Status:
    """What is known of the nodes here. Other hosts' are merely named; host/view/overview.py puts theirs in."""

    def __init__(
        self,
        graph: Graph,
        run: RunFolder,
        children: Sequence[Child],
        ledger: Ledger,
        events: Events,
        say: Callable[[str], None],
    ) -> None:
        """`say` is told when the document cannot be written."""
        self._ledger, self._events = ledger, events
        self._use, self._machine = Use(), Machine()
        self._file = JsonFile(run.path / FILE, say)
        self._host = graph.launcher(children[0].node) or ""
        self._versions = versions()
        self._run, self._began = run, time.time()
        self.facts: Facts = {}
        self.learn(graph, children)

    def learn(self, graph: Graph, children: Sequence[Child]) -> None:
        """From now on this is the graph, and these are the replicas here."""
        self._graph, self._children = graph, children
        self._by_node, self._by_wire = defaultdict[str, list[Child]](list), defaultdict[str, list[Child]](list)
        for child in sorted(children, key=_number):
            self._by_node[child.node.name].append(child)
            for wire in child.process.outgoing:
                self._by_wire[wire].append(child)
        self._order = list(graph.order())
        self._named = {name: self._name(graph.nodes[name]) for name in self._order}  # what each look says of them
        self._named_wires = {wire.name: self._name_wire(wire) for wire in graph.wires.values()}

    def look(self, state: str) -> Facts:
        """Put together what stands in the ledger, and write it. `state`: how the graph as a whole is."""
        now = time.monotonic()
        with suppress(OSError):  # no descriptor is left: what was seen last stands
            self._use.look(now, [child.pid for child in self._children if child.is_running])
            self._machine.look(now)
        before, after = self._ledger.earlier, self._ledger.last
        nodes = [self._node(self._graph.nodes[name]) for name in self._order]
        wires = [self._wire(wire) for wire in self._graph.wires.values()]
        machine = {"cores": self._machine.cores, "busy": self._machine.busy}
        owned = [merged([node.histograms["latency"] for node in look.nodes.values()]) for look in (before, after)]
        self.facts = {
            "version": VERSION,
            "graph": str(self._graph.path.absolute()),
            "host": self._host,
            "run": self._run.id,
            "pid": os.getpid(),
            "at": time.time(),
            "began": self._began,
            "versions": self._versions,
            "machine": machine,
            "state": state,
            "nodes": nodes,
            "wires": wires,
            "sums": measures.sums(after.total),
            "rate": rate(before.total["done"], after.total["done"], after.at - before.at),
            "latency": {
                "now": measures.quantiles(measures.difference(*owned)),
                "ever": measures.quantiles(owned[1]),
            },
            "bottleneck": bottleneck.words(nodes, wires, {self._host: machine}) if state == "runs" else "",
            "events": [*self._events.all],
        }
        self._file.write(self.facts)
        return self.facts

    def _name(self, node: Node) -> Facts:
        """What does not change of a node; all there is of one on another host."""
        named = {
            "name": node.name,
            "host": node.host or "",
            "launcher": self._graph.launcher(node) or "",
            "pulls": node.pulls,
            "pushes": node.pushes,
        }
        return named if self._by_node[node.name] else {**fitted(named, NODE), "state": "elsewhere"}

    def _name_wire(self, wire: Wire) -> Facts:
        """Likewise of a wire."""
        here = bool(self._by_wire[wire.name])
        named = {
            "name": wire.name,
            "from": [*wire.pushers],
            "to": wire.puller,
            "keep": wire.keep,
            "max_age": wire.max_age,
            "between_hosts": len(network.hosts(self._graph, wire)) > 1,
            "here": here,
        }
        return named if here else dict(fitted(named, WIRE))

    def _node(self, node: Node) -> Facts:
        named, children = self._named[node.name], self._by_node[node.name]
        if not children:
            return named
        before, after = self._ledger.earlier, self._ledger.last
        seconds, then, now = after.at - before.at, before.nodes[node.name], after.nodes[node.name]
        replicas = [self._replica(child) for child in children]
        return {
            **named,
            "state": _state_of(node, replicas),
            "scale": _scale(node, children, replicas),
            "replicas": replicas,
            "counters": now.counters,
            "rates": measures.rates(then, now, seconds),
            "shares": measures.shares(then, now, seconds, max(1, sum(child.over != "spare" for child in children))),
            "latency": measures.latencies(then, now),
        }

    def _replica(self, child: Child) -> Facts:
        name, state = child.process.replica, state_of(child)
        place = placed(self._run.path, name) if child.is_running else Place()
        if state == "starts" and place.state == "pending":
            state = place.state
        words = place.why if state == "pending" else child.status or child.last_death
        return {
            "name": name,
            "state": state,
            "pid": child.pid if child.is_running else None,
            "restarts": max(0, child.lives - 1 - child.calls),
            "since": child.since,
            "words": "" if state == "spare" else plain(words)[:SHOWN],
            "memory": self._use.memory(child.pid) if child.is_running else 0,
            "cpu": self._use.cores(child.pid) if child.is_running else 0.0,
            "starved": self._use.starved(child.pid) if child.is_running else 0.0,
            "machine": plain(place.machine)[:SHOWN],
            "counters": self._ledger.replicas[name].counters if child.lives or state != "spare" else {},
        }

    def _wire(self, wire: Wire) -> Facts:
        named, here = self._named_wires[wire.name], self._by_wire[wire.name]
        if not here:
            return named
        pages = [self._page(child, wire.name) for child in here]
        page = summed_wire(pages)
        oldest = page.pop("oldest")
        rates = self._wire_rates(wire.name, {child.node.name for child in here})
        pipes = sum(map(self._count, wire.pushers)) * self._count(wire.puller)
        age = max(0.0, time.time() - oldest / 1e9) if oldest else None
        return {**named, **rates, **page, "pipes": pipes, "oldest": age}

    def _count(self, node: str) -> int:
        """How many replicas there are to be, as far as is known here."""
        return sum(child.is_wanted for child in self._by_node[node]) or self._graph.nodes[node].replicas

    def _page(self, child: Child, wire: str) -> dict[str, int]:
        """What the books of a pusher say of its wire; the dead has no pullers, and what a spare one had others have."""
        page = self._ledger.replicas[child.process.replica].wires[wire]
        gone = ("queued", "unfinished", "oldest", "pullers") if child.over == "spare" else ("pullers",)
        return page if child.is_running else {**page, **dict.fromkeys(gone, 0)}

    def _wire_rates(self, wire: str, nodes: set[str]) -> dict[str, float]:
        before, after = self._ledger.earlier, self._ledger.last

        def one(number: str) -> float:
            then, now = (sum(look.nodes[node].wires[wire][number] for node in nodes) for look in (before, after))
            return rate(then, now, after.at - before.at)

        return {"rate": one("sent"), "bytes_rate": one("bytes")}


def accounts(children: Sequence[Child]) -> dict[str, dict[str, Account]]:
    """Where the books of all are, by node, the source first."""
    found: dict[str, dict[str, Account]] = {}
    for child in reversed(children):
        found.setdefault(child.node.name, {})[child.process.replica] = child.account
    return found


def _state_of(node: Node, replicas: Sequence[Facts]) -> str:
    """The worst of them, unless enough work and others merely come and go."""
    states = [replica["state"] for replica in replicas]
    if node.is_elastic and states.count("runs") >= node.least:
        states = [state for state in states if state not in ON_THE_WAY]
    return str(min(states, key=WORST_FIRST.index))


def _scale(node: Node, children: Sequence[Child], replicas: Sequence[Facts]) -> Facts:
    """How many there are to be, how many there are, and why not all of those."""
    wanted = [one for child, one in zip(children, replicas, strict=True) if child.is_wanted]
    running = sum(one["state"] == "runs" for one in wanted)
    pending = [one for one in wanted if one["state"] in COMING]
    why = dict.fromkeys(f"{one['state']}{one['words'] and ': '}{one['words']}" for one in pending)
    return {
        "least": node.least,
        "most": node.replicas,
        "wanted": len(wanted),
        "running": running,
        "pending": len(pending),
        "why": "; ".join(why)[:SHOWN],
    }


def _number(child: Child) -> int:
    """That of the replica."""
    return int(child.process.replica.rpartition(".")[2])


def state_of(child: Child) -> str:
    """In a word or two."""
    if child.over:
        return child.over
    if child.is_running:
        if child.is_leaving:
            return "leaves"
        return "runs" if child.is_ready or child.node.command else "starts"
    if child.is_in_crash_loop:
        return "crash loop"
    return "rests" if child.lives else "starts"
