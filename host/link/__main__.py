"""The link of the launchers: tells the other hosts how this one is, and writes down how they are.

A process that the launcher keeps beside the nodes: `python -m host.link GRAPH --run=FOLDER --host=NAME`, and overrides.
It reads <run>/status.json, and writes <run>/hosts/<host>.json and <run>/clocks.json. docs/link.md is its protocol.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from bus.badaddress import BadAddress
from bus.books import Books
from bus.exchange import Arrival, Exchange
from bus.guard import GuardDied
from bus.header import Malformed
from bus.keys import BadKey
from bus.seldom import Seldom
from host import keyring
from host.beside import go_with_launcher, in_force
from host.companions import GIVES_UP
from host.graph import Graph, GraphError
from host.jsonfile import JsonFile
from host.link.neighbour import Neighbour
from host.link.tidings import Facts, OtherVersion, Passed, Tidings, body, head, read
from host.reading import network
from host.runfolder import TOLD

PACE = 1.0  # seconds between two messages to each host
AGAIN = 10.0  # seconds after which one that is not answered is followed by another
TURN = 0.2  # seconds that one wait lasts at most, so that a stop is seen
MOVED = 100_000  # ns that a clock has moved before the nodes are told


class Link:
    """One life of it."""

    def __init__(self, graph: Graph, run: Path, host: str) -> None:
        """Raises BadKey, BadAddress."""
        self._graph, self._run, self._host = graph, run, graph.hosts[host]
        self._books = Books(run / "link.books")
        self._seldom = Seldom(self._say)
        self._exchange = Exchange(keyring.file(graph.folder, host), self._refuse, self._seldom)
        self.is_stopping = False
        now = time.monotonic()
        others = [one for one in network.linked(graph) if one.name != host]
        self._neighbours = {one.name: Neighbour(one.name, now) for one in others}
        self._due = {one.name: now for one in others if network.dials(graph, self._host, one)}  # when to tell it more
        self._status: Facts = {}
        self._read_at = (0, 0)  # which status.json that was: its inode, and when it was written
        self._has_failed = False  # and everybody is to know that before the launcher ends
        (run / "hosts").mkdir(mode=0o700, exist_ok=True)
        self._records = {one.name: JsonFile(run / "hosts" / f"{one.name}.json", self._say) for one in others}
        self._clocks, self._offsets = JsonFile(run / "clocks.json", self._say), dict[str, int]()
        callers = {one.name: str(one.key) for one in others if network.dials(graph, one, self._host)}
        self._near = [one for name, one in self._neighbours.items() if name in callers or name in self._due]
        if self._host.port and callers:
            self._exchange.listen(network.heard_at(self._host, self._host.port), callers)
        for one in others:
            if one.name in self._due:
                self._exchange.dial(one.name, f"tcp://{one.address}:{one.port}", str(one.key))

    def serve(self) -> None:
        """Tell and hear until a signal comes, or the run folder has gone."""
        while not self.is_stopping and self._run.is_dir():
            wait = min([TURN, *(due - time.monotonic() for due in self._due.values())])
            arrivals, reached = self._exchange.wait(max(0.0, wait))
            for arrival in arrivals:
                self._hear(arrival)
            self._due |= dict.fromkeys(reached, 0.0)
            for name in [name for name, due in self._due.items() if due <= time.monotonic()]:
                self._due[name] = time.monotonic() + (AGAIN if self._tell(name) else PACE)
            self._look()
        for name in self._neighbours:
            self._tell(name, last=True)

    def close(self) -> None:
        self._exchange.close()
        self._books.close()

    def _hear(self, arrival: Arrival) -> None:
        neighbour, now = self._neighbours[arrival.host], time.monotonic()
        self._exchange.follow(arrival)
        if not neighbour.has_room(now):
            self._refuse(f"ignores {arrival.host}, which says more than it may", 1)
            return
        try:
            tidings = read(arrival.parts, arrival.host, self._graph)
        except OtherVersion as error:
            words = f"{arrival.host} speaks {error}: give both hosts the same version of this project"
            self._seldom(words, topic=f"version of {arrival.host}")
        except Malformed as error:
            self._refuse(f"ignores what {arrival.host} says: {error}", 1)
        else:
            if neighbour.hear(tidings, arrival.at, now):
                self._take(neighbour, tidings, now)

    def _take(self, neighbour: Neighbour, tidings: Tidings, now: float) -> None:
        """Write down what it has said, and answer; who was dialled is told more in its time."""
        self._records[neighbour.name].write(neighbour.record(now))
        # Only a host that others dial can have heard who is not heard here; nobody else is to speak for them.
        for passed in tidings.others if self._graph.hosts[neighbour.name].port else ():
            other = self._neighbours.get(passed.host)
            if other and other.hear_of(passed, neighbour, now):
                self._records[other.name].write(other.record(now))
        if neighbour.name in self._due:
            self._due[neighbour.name] = min(self._due[neighbour.name], now + PACE)
        elif not tidings.last:
            self._tell(neighbour.name)

    def _tell(self, name: str, last: bool = False) -> bool:
        """Say to one host how we are, and how the others are that we hear; whether it is there."""
        now, neighbour = time.monotonic(), self._neighbours[name]
        self._read_status()
        others = [
            Passed(one.name, now - one.heard, one.reading(now), one.status)
            for one in self._neighbours.values()
            if self._host.port and one is not neighbour and one.status and not one.via
        ]
        content = body(self._status or None, others)
        sent = time.time_ns()
        if not self._exchange.send(name, [head(sent, neighbour.echo, neighbour.echo_heard, last), content]):
            return False
        neighbour.sent = sent
        return True

    def _look(self) -> None:
        """Say who has come or gone, and tell the nodes of the clocks."""
        now = time.monotonic()
        self._see_that_all_know()
        for neighbour in self._neighbours.values():
            for words in filter(None, neighbour.news(self._status.get("versions", {}), now)):
                if neighbour.may_be_said(now):
                    self._say(words)
        offsets = {
            replica: -round(reading.offset * 1e9)
            for node in self._graph.nodes.values()
            if node.host in self._neighbours and (reading := self._neighbours[node.host].reading(now))
            for replica in node.names
        }
        if any(abs(offset - self._offsets.get(name, MOVED + offset)) >= MOVED for name, offset in offsets.items()):
            self._offsets = offsets
            self._clocks.write(offsets)

    def _see_that_all_know(self) -> None:
        """If this host's part of the graph has failed for good, say so at once, and tell the launcher when all know."""
        self._read_status()
        if self._status.get("state") != "failed":
            return
        if not self._has_failed:
            self._has_failed = True
            for neighbour in self._near:
                neighbour.must_know(time.monotonic())
            self._due = dict.fromkeys(self._due, 0.0)
        elif all(neighbour.is_told(time.monotonic()) for neighbour in self._near):
            with suppress(OSError):  # no room: tries again with each turn, and the launcher waits for a moment only
                (self._run / TOLD).touch()

    def _read_status(self) -> None:
        """The launcher replaces the file about once a second; until it has made one there is nothing to tell."""
        path = self._run / "status.json"
        try:
            facts = path.stat()
            if self._read_at != (fresh := (facts.st_ino, facts.st_mtime_ns)):  # a large one takes 20 ms
                status = json.loads(path.read_bytes())
                self._status, self._read_at = status if isinstance(status, dict) else {}, fresh
        except (OSError, ValueError):
            return

    def _refuse(self, words: str, count: int) -> None:
        self._books["refused"] += count
        self._seldom(words, count)

    def _say(self, words: str) -> None:
        print(words, flush=True)


def main() -> int:
    go_with_launcher()
    os.umask(0o077)
    parser = argparse.ArgumentParser(prog="python -m host.link", description=__doc__, allow_abbrev=False)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="the run folder of the launcher")
    parser.add_argument("--host", required=True, help="which of the graph's hosts this is")
    parser.add_argument("overrides", nargs="*", metavar="node.key=value")
    options = parser.parse_intermixed_args()
    try:
        link = Link(in_force(options.graph, options.run, options.overrides), options.run, options.host)
    except (GraphError, BadKey) as error:
        print(error)
        return GIVES_UP
    except BadAddress as error:
        print(error)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(link, "is_stopping", True))
    try:
        link.serve()
    except GuardDied as error:
        print(error)
        return 1
    finally:
        link.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
