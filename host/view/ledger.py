"""The books of all replicas, read once a second, and what stood in them in the last seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bus import books
from bus.books import BUCKETS, COUNTERS, HISTOGRAMS, WIRE, Reading

WINDOW = 10.0  # seconds over which rates are taken


class Account(NamedTuple):
    """Where the books of a replica are, and its outgoing wires in the order of its command line."""

    path: Path
    wires: Sequence[str] = ()

    def read(self, before: Reading | None = None) -> Reading:
        """What stands there; as long as there are no books, or they cannot be read, as `before`, or all zero."""
        nothing = before or blank(self.wires)
        try:
            return books.read_whole(self.path, self.wires)
        except OSError:
            return nothing
        except ValueError:  # they are being made, or by a node that keeps none of its wires
            try:
                return books.read_whole(self.path)._replace(wires=nothing.wires)
            except (OSError, ValueError):
                return nothing


class Look(NamedTuple):
    """What stood in the books at `at`, a time of one clock in seconds; of each node its replicas added up."""

    at: float
    nodes: Mapping[str, Reading]
    total: Mapping[str, int]  # the counters of all nodes added up


class Ledger:
    """All looks of the last WINDOW seconds."""

    def __init__(self, accounts: Mapping[str, Mapping[str, Account]], now: float) -> None:
        """`accounts`: node -> replica -> where its books are; the source first."""
        self._accounts = accounts
        self._looks: deque[Look] = deque()
        self.replicas: dict[str, Reading] = {}  # as they were last read
        self._retired = dict.fromkeys(COUNTERS, 0)  # what replicas have counted that the graph has no longer
        self.look(now)

    def learn(self, accounts: Mapping[str, Mapping[str, Account]], now: float) -> None:
        """From now on these are the replicas. What one that has gone has finished stays in the totals.

        Its claims do not: what it had on the way others have, or will have.
        """
        self.look(now)
        before = {name: one for node in self._accounts.values() for name, one in node.items()}
        after = {name: one for node in accounts.values() for name, one in node.items()}
        for name in before.keys() - after.keys():
            counters = self.replicas[name].counters
            left = {**counters, **dict.fromkeys(("on_the_way", "backlog", "made", "total"), 0)}
            left["taken"] = sum(counters[verdict] for verdict in ("done", "dead", "dropped"))
            self._retired = summed([self._retired, left])
        self.replicas = {name: one for name, one in self.replicas.items() if before[name] == after.get(name)}
        self._accounts = accounts
        self._looks.clear()
        self.look(now)

    def look(self, now: float) -> Look:
        """Read all books."""
        self.replicas = {
            replica: account.read(self.replicas.get(replica))
            for node in self._accounts.values()
            for replica, account in node.items()
        }
        nodes = {node: added([self.replicas[name] for name in names]) for node, names in self._accounts.items()}
        total = summed([self._retired, *(reading.counters for reading in nodes.values())])
        self._looks.append(Look(now, nodes, total))
        while len(self._looks) > 2 and self._looks[1].at <= now - WINDOW:
            self._looks.popleft()
        return self._looks[-1]

    @property
    def last(self) -> Look:
        return self._looks[-1]

    @property
    def earlier(self) -> Look:
        """The look that lies WINDOW back, or the first one."""
        return self._looks[0]


def blank(wires: Iterable[str] = ()) -> Reading:
    """Books in which nothing stands."""
    return Reading(
        dict.fromkeys(COUNTERS, 0),
        {name: [0] * BUCKETS for name in HISTOGRAMS},
        {wire: dict.fromkeys(WIRE, 0) for wire in wires},
    )


def added(readings: Sequence[Reading]) -> Reading:
    """The books of the replicas of one node in one."""
    if len(readings) == 1:  # as for most nodes: with hundreds of them this is most of the launcher's work
        return readings[0]
    wires = dict.fromkeys(wire for reading in readings for wire in reading.wires)  # while a graph changes not all alike
    return Reading(
        summed(reading.counters for reading in readings),
        {name: merged([reading.histograms[name] for reading in readings]) for name in HISTOGRAMS},
        {wire: summed_wire([one.wires[wire] for one in readings if wire in one.wires]) for wire in wires},
    )


def summed(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counters of several in one."""
    total = dict.fromkeys(COUNTERS, 0)
    for counters in several:
        for counter, count in counters.items():
            total[counter] += count
    return total


def merged(histograms: Sequence[Sequence[int]]) -> list[int]:
    """Histograms of several in one."""
    some = [histogram for histogram in histograms if any(histogram)]  # of most nodes `latency` is empty
    return [sum(column) for column in zip(*some, strict=True)] if some else [0] * BUCKETS


def summed_wire(pages: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The numbers of one wire at several ends in one; the oldest of all is the oldest."""
    total = {name: sum(page[name] for page in pages) for name in WIRE}
    return {**total, "oldest": min((page["oldest"] for page in pages if page["oldest"]), default=0)}
