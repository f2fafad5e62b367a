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
from host.view.states import PENDING, SHOWN, last_words, scale, state_of, state_of_node

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
            "state": state_of_node(node, replicas),
            "scale": scale(node, children, replicas),
            "replicas": replicas,
            "counters": now.counters,
            "rates": measures.rates(then, now, seconds),
            "shares": measures.shares(then, now, seconds, max(1, sum(child.over != "spare" for child in children))),
            "latency": measures.latencies(then, now),
        }

    def _replica(self, child: Child) -> Facts:
        name, state = child.process.replica, state_of(child)
        place = placed(self._run.path, name) if child.is_running else Place()
        if state == "starts" and place.state == PENDING:
            state = place.state
        words = place.why if state == PENDING else child.status or last_words(child)
        return {
            "name": name,
            "state": state,
            "pid": child.pid if child.is_running else None,
            "restarts": max(0, child.lives - 1 - child.calls),
            "since": child.since,
            "words": "" if state == "spare" else plain(words)[:SHOWN],
            **self._taken(child, place),
            "machine": plain(place.machine)[:SHOWN],
            "counters": self._ledger.replicas[name].counters if child.lives or state != "spare" else {},
        }

    def _taken(self, child: Child, place: Place) -> Facts:
        """What it takes of its machine; here is but the stand-in of one that was placed elsewhere."""
        if child.process.there:
            return {"memory": place.memory, "cpu": place.cpu, "starved": place.starved}
        if not child.is_running:
            return {"memory": 0, "cpu": 0.0, "starved": 0.0}
        pid = child.pid
        return {"memory": self._use.memory(pid), "cpu": self._use.cores(pid), "starved": self._use.starved(pid)}

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


def _number(child: Child) -> int:
    """That of the replica."""
    return int(child.process.replica.rpartition(".")[2])
