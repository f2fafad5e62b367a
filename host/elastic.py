"""Elastic replicas: of a node with `replicas: 2..32` as many run as there is work for; the others are spare.

A spare replica has an end mark, so that nobody waits for it: neither those who pull from it, nor those who push to it
and have ended, nor the graph's end. When it is wanted its mark goes, and it begins again. docs/live.md has the rules.

At least one replica of a node has no mark until its inputs have ended, and from then on none begins: so who pulls from
it cannot end too early. A replica's mark that appears while another one begins is seen by one of the two: whoever calls
removes the mark of the one first and then looks for the other's; who pulls looks at all of them again (bus/pull.py).
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from host import remains
from host.child import Child
from host.demand import Demand, Seen
from host.graph import Graph, Node
from host.leaving import STOP_TIME
from host.runfolder import RunFolder
from host.view import bottleneck
from host.view.facts import Facts
from host.view.telling import Telling

GIVE_WAY_TIME = 30.0  # seconds to finish what it holds, and have that finished downstream; then it is stopped
SAID_AFTER = 10.0  # seconds for which more were wanted, and would have been no help, until that is said
TIMES = ("working_ns", "waiting_ns", "blocked_ns")
MEASURED = 0.2  # the part of the time that must be in the books; with less nothing is known, as of a frozen process
ASKED_FOR = (0, -signal.SIGUSR1, -signal.SIGTERM, -signal.SIGKILL)  # exit codes of who was told to go


class Moment(NamedTuple):
    """What stood in the books of a replica, or of a wire, at a time of time.monotonic()."""

    at: float
    counters: Mapping[str, int]


class Elastic:
    """Sees to those of the `children` whose node is elastic. Others hold the same list, which may change."""

    def __init__(self, graph: Graph, children: Sequence[Child], run: RunFolder, telling: Telling) -> None:
        self._graph, self._children, self._run, self._telling = graph, children, run, telling
        self._demands = defaultdict[str, Demand](Demand)  # by node
        self._before: dict[str, Moment] = {}  # by replica, and by wire
        self._unmarked = set[Child]()  # spare ones that there was no room to mark
        self._held: dict[str, tuple[float, str]] = {}  # node -> since when, and why, it gets no more of them
        self._said = set[str]()  # nodes of which that was said

    def learn(self, graph: Graph) -> None:
        """From now on this is the graph."""
        self._graph = graph

    def rests(self, child: Child) -> bool:
        """Whether a new one is spare at first, as all but the least of its node are."""
        if _number(child) <= child.node.least:
            return False
        self.rest(child)
        return True

    def rest(self, child: Child) -> None:
        """It has no life from now on, until it is wanted."""
        child.begin_again()
        child.is_wanted, child.over = False, "spare"
        self._mark(child)

    def left(self, child: Child, code: int) -> None:
        """It has given way, and exited with `code`. What it was asked to let go of is no message's fault."""
        if code in ASKED_FOR:
            remains.clear_hand(self._run.hand(child.process.replica))
        words = "has given way: spare"
        self._telling.of(child, "spare", words if code == 0 else f"{words}; {child.death(code)}")
        self.rest(child)

    def look(self, facts: Facts) -> None:
        """Let as many be there as are wanted. `facts`: status.json, as it is now."""
        for child in [*self._unmarked]:
            self._mark(child)
        nodes = defaultdict[str, list[Child]](list)
        for child in self._children:
            nodes[child.node.name].append(child)
        for children in nodes.values():
            if children[0].node.is_elastic or any(child.over == "spare" for child in children):
                self._look_at(children[0].node, sorted(children, key=_number), facts)

    def _look_at(self, node: Node, children: Sequence[Child], facts: Facts) -> None:
        if any(self._has_ended(child) or child.over == "stopped" for child in children):
            return
        there = [child for child in children if child.is_wanted and not child.over]
        ready = [child for child in there if _is_ready(child)]
        failed = sum(child.over == "failed" for child in children)
        now = time.monotonic()
        waiting, awaited = self._queue(node, facts, now)
        seen = Seen(len(there), len(ready), self._load(ready, facts, now), awaited)
        least, most = max(0, node.least - failed), max(0, node.replicas - failed)
        wanted = self._demands[node.name].wanted(seen, least, most, now)
        if wanted > len(there) >= least and (why := self._held_by(node, facts)):
            self._hold(node, len(there), why, now)
        elif wanted > len(there):
            queue = f"{waiting} message{'s' * (waiting != 1)} wait{'s' * (waiting == 1)} and " if waiting else ""
            why = f"{queue}all are busy" if len(there) >= least else f"at least {node.least} are to be there"
            self._more(node, children, len(there), wanted, why)
        elif wanted < len(there):
            self._fewer(node, there, wanted, seen)

    def _more(self, node: Node, children: Sequence[Child], count: int, wanted: int, why: str) -> None:
        if all(self._is_over(pusher, node) for pusher in self._graph.pushers[node.name]):
            return
        spare = [child for child in children if child.over == "spare"][: wanted - count]
        if called := sum(self._call(child, children) for child in spare):
            self._free(node)
            self._say(node, count, count + called, why)

    def _call(self, child: Child, others: Sequence[Child]) -> bool:
        """Let it begin again, unless one of its node has found meanwhile that the inputs have ended."""
        try:
            remains.revive(self._run.path, child.process.replica)
        except OSError:  # tries again with the next look
            return False
        if any(self._has_ended(other) for other in others):
            self._mark(child)
            return False
        child.begin_again()
        child.calls += child.lives > 0
        return True

    def _fewer(self, node: Node, there: Sequence[Child], wanted: int, seen: Seen) -> None:
        """Those that are not ready yet go first, then those of the highest numbers."""
        now = time.monotonic()
        for child in _last(there, wanted):
            child.give_way(now + GIVE_WAY_TIME, now + GIVE_WAY_TIME + STOP_TIME)
            if not child.is_running:
                self.rest(child)
        self._free(node)
        busy = 100 * (seen.load or 0.0) / max(1, seen.ready)
        self._say(node, len(there), wanted, f"they work {busy:.0f} % of their time")

    def _say(self, node: Node, before: int, after: int, why: str) -> None:
        self._telling.of_graph(f"{node.name}: {before} -> {after} replicas: {why}")

    def _hold(self, node: Node, count: int, why: str, now: float) -> None:
        """More of them would be no help; that is said if it lasts."""
        since, before = self._held.setdefault(node.name, (now, why))
        if before != why:
            self._free(node)
        elif now - since >= SAID_AFTER and node.name not in self._said:
            self._said.add(node.name)
            self._telling.of_graph(f"{node.name}: more than {count} of it would be no help now: {why}")

    def _free(self, node: Node) -> None:
        self._held.pop(node.name, None)
        self._said.discard(node.name)

    def _held_by(self, node: Node, facts: Facts) -> str:
        """Why more of them would not get more done, if that is so. On a pool Ray has room for each."""
        if node.host and self._graph.hosts[node.host].is_pool:
            return ""
        found = next(one for one in facts["nodes"] if one["name"] == node.name)
        cure = bottleneck.cure(found, facts["machine"])
        return "" if cure == bottleneck.MORE else cure

    def _load(self, ready: Sequence[Child], facts: Facts, now: float) -> float | None:
        """How many of these it takes if none of them waits, by what they have worked since the last look."""
        found = next((one for one in facts["nodes"] if one["name"] == ready[0].node.name), None) if ready else None
        counters = {one["name"]: one["counters"] for one in found["replicas"]} if found else {}
        shares = []
        for child in ready:
            name = child.process.replica
            if spent := self._since(name, {of: counters.get(name, {}).get(of, 0) for of in TIMES}, now):
                seconds, times = spent
                if sum(times.values()) >= MEASURED * seconds * 1e9:
                    shares.append(times["working_ns"] / sum(times.values()))
        return len(ready) * sum(shares) / len(shares) if shares else None

    def _queue(self, node: Node, facts: Facts, now: float) -> tuple[int, bool | None]:
        """How many messages wait for the node, and whether any do; None: its pushers are on another host."""
        pushers = [one for one in facts["nodes"] if one["name"] in self._graph.pushers[node.name]]
        here = [one for one in pushers if one["state"] != "elsewhere"]
        wires = [wire for wire in facts["wires"] if wire["to"] == node.name]
        waiting = sum(wire["queued"] for wire in wires) + sum(one["counters"]["backlog"] for one in here)
        let_pass = self._since(node.name, {wire["name"]: wire["passed_over"] for wire in wires}, now)
        if bottleneck.holds_up(here, wires) or (let_pass and any(let_pass[1].values())):
            return waiting, True
        return waiting, False if len(here) == len(pushers) else None

    def _since(self, name: str, counters: Mapping[str, int], now: float) -> tuple[float, dict[str, int]] | None:
        """How many seconds ago the last look at these was, and what has come to them since."""
        before, self._before[name] = self._before.get(name), Moment(now, counters)
        if before is None or before.counters.keys() != counters.keys() or now <= before.at:
            return None
        return now - before.at, {of: max(0, count - before.counters[of]) for of, count in counters.items()}

    def _has_ended(self, child: Child) -> bool:
        """Whether its inputs have: its mark may be there before its process has gone."""
        is_marked = not child.over and self._run.mark(child.process.replica).exists()
        return child.over == "ended" or is_marked

    def _is_over(self, pusher: str, node: Node) -> bool:
        """Whether no replica of `pusher` has anything to say any more, as far as is known here."""
        return all(
            self._run.mark(name).exists() or self._run.has_heard(node.names[0], name)
            for name in self._graph.nodes[pusher].names
        )

    def _mark(self, child: Child) -> None:
        """Let nobody wait for it, now, or as soon as there is room on the disk."""
        self._unmarked.discard(child)
        if child.over == "spare":
            try:
                self._run.write_spare(child.process.replica)
            except OSError:
                self._unmarked.add(child)


def _number(child: Child) -> int:
    return int(child.process.replica.rpartition(".")[2])


def _is_ready(child: Child) -> bool:
    """Whether it works, as far as can be seen: a command need not say so."""
    return child.is_running and (child.is_ready or child.node.command is not None)


def _last(there: Sequence[Child], wanted: int) -> Sequence[Child]:
    """Those that are too many: who is not ready first, then who has the highest number."""
    return sorted(there, key=lambda child: (_is_ready(child), -_number(child)))[: len(there) - wanted]
