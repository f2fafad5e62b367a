"""The way of each frame through the nodes of a run, in the Trace Event form that Perfetto and chrome://tracing open.

The file is a JSON array of events ("Trace Event Format", the JSON Array Format), whose end may be missing: so a killed
launcher leaves one that can be opened. A node is a process there, a replica a thread; what a replica did with a message
is a slice, what the message waited there before is an asynchronous one, and a flow joins the slices of one frame. Times
are those of the first host that graph.yaml gives a node, so that the files of all hosts fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from host.appending import append
from host.command import Process
from host.graph import Graph
from host.runfolder import Refused
from host.view.facts import Facts, fitted
from host.view.lanes import MOST_LANES, Lanes

MERGED = 0.00005  # seconds of waiting that are not worth a slice
CLOCKS = "clocks.json"  # in the run folder; see bus/clocks.py
Event = dict[str, Any]


class Record(NamedTuple):
    """A line of a trace: see bus/timeline.py. Times are in nanoseconds since the epoch."""

    stream: str
    number: int
    name: str
    arrived: int
    begun: int
    ended: int
    captured: int

    @property
    def is_made(self) -> bool:
        """Whether a source has made it: it has arrived nowhere."""
        return self.arrived == self.begun == self.captured

    @property
    def flow(self) -> int:
        """A number that is the frame's on every host, and exact in JavaScript."""
        text = json.dumps([self.stream, self.number]).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "big")


class Tracing:
    """Reads what the replicas of this host have noted, once a second, and appends it to the file."""

    def __init__(
        self, file: Path, graph: Graph, plan: Sequence[Process], run: Path, say: Callable[[str], None]
    ) -> None:
        """Raises Refused if the file cannot be written."""
        self._file, self._run, self._say = file, run, say
        self._threads: dict[str, Thread] = {}  # by replica
        self._fails = False
        events = self._learn(graph, plan)
        try:
            file.write_text(f"[\n{json.dumps(events[0])}")
            append(file, "".join(map(_following, events[1:])))
        except OSError as error:
            raise Refused(f"{file} cannot be written: {error.strerror}") from None

    def learn(self, graph: Graph, plan: Sequence[Process]) -> None:
        """From now on this is the graph, and these are the processes here. Those that leave may have noted more."""
        self._append(iter(self._learn(graph, plan)))

    def _learn(self, graph: Graph, plan: Sequence[Process]) -> list[Event]:
        """The names of those that are new."""
        self._graph = graph
        new = [process for process in plan if process.replica not in self._threads]
        self._threads |= {process.replica: Thread(process, graph, self._run) for process in new}
        return [event for process in new for event in self._threads[process.replica].names()]

    def look(self, facts: Facts) -> None:
        """Add what has come since the last look."""
        shift = self._shift()
        for thread in self._threads.values():
            self._append(thread.events(shift))

    def close(self) -> None:
        """Add what is left, now that all nodes have ended, and end the array."""
        shift = self._shift()
        for thread in self._threads.values():
            for _ in range(2):  # what was renamed, then what has come behind it
                self._append(thread.events(shift))
        self._write("\n]\n")

    def _append(self, events: Iterator[Event]) -> None:
        if text := "".join(map(_following, events)):
            self._write(text)

    def _write(self, text: str) -> None:
        try:
            append(self._file, text)
        except OSError as error:
            if not self._fails:
                self._say(
                    f"{self._file} cannot be written: {error.strerror}; the trace lacks what comes until it works"
                )
            self._fails = True
        else:
            self._fails = False

    def _shift(self) -> int:
        """Nanoseconds to add to our times for those of the host whose clock counts."""
        leading = next(node for node in self._graph.nodes.values() if node.host == _leading(self._graph))
        try:
            clocks = json.loads((self._run / CLOCKS).read_text())
        except (OSError, ValueError):  # one host, or nobody knows yet how far the clocks are apart
            return 0
        return -int(fitted(clocks, {str: int}).get(leading.names[0], 0))


class Thread:
    """One replica's part."""

    def __init__(self, process: Process, graph: Graph, run: Path) -> None:
        self._new, self._old = (run / f"{process.replica}.trace{end}" for end in ("", ".old"))
        self._node, self._replica = process.node, process.replica
        number = process.node.names.index(process.replica)
        self._pid = list(graph.nodes).index(process.node.name) + 1
        self._tids = range(number * MOST_LANES + 1, (number + 1) * MOST_LANES + 1)
        self._lanes = Lanes()
        self._last_made = 0  # when it has last yielded, as a source

    def names(self) -> Iterator[Event]:
        """How the process and the thread are called."""
        node = f"{self._node.host}/{self._node.name}" if self._node.host else self._node.name
        yield {"ph": "M", "name": "process_name", "pid": self._pid, "args": {"name": node}}
        yield self._thread_name(0)

    def events(self, shift: int) -> Iterator[Event]:
        """What the file that was renamed at the last look says: a node may have had that open until then."""
        try:
            records = sorted(_records(self._old), key=lambda record: record.begun)
            self._old.unlink(missing_ok=True)
        except OSError:  # no descriptor is left, or nothing can be removed now: at the next look
            return
        with suppress(OSError):  # nobody has noted anything; or as above
            self._new.rename(self._old)
        for record in records:
            yield from self._of(record, shift)

    def _of(self, record: Record, shift: int) -> Iterator[Event]:
        begun, ended = record.begun, record.ended
        if record.is_made:  # it may have waited for long, as a file: a source works at it since it has made the last
            begun, self._last_made = min(ended, max(begun, self._last_made)), ended
        lane, ended, is_new = self._lanes.place(begun, ended)
        if is_new and lane:
            yield self._thread_name(lane)
        place = {"pid": self._pid, "tid": self._tids[lane]}
        args = {"stream": record.stream, "number": record.number}
        start, flow = _microseconds(begun + shift), record.flow
        duration = max(0.001, (ended - begun) / 1000)
        yield {"ph": "X", "cat": "work", "name": record.name, **place, "ts": start, "dur": duration, "args": args}
        yield from self._waiting(record, begun, shift)
        kind = "s" if record.is_made else "t" if self._node.pushes else "f"
        yield {"ph": kind, "cat": "frame", "name": "frame", "id": flow, "bp": "e", **place, "ts": start}

    def _waiting(self, record: Record, begun: int, shift: int) -> Iterator[Event]:
        """Between its arrival, and the moment when user code got it: of several messages at once."""
        if begun - record.arrived < MERGED * 1e9:
            return
        same = {
            "cat": "wait",
            "name": "waits",
            "id": f"{self._replica} {record.flow}",
            "pid": self._pid,
            "tid": self._tids[0],
        }
        yield {"ph": "b", **same, "ts": _microseconds(record.arrived + shift), "args": {"name": record.name}}
        yield {"ph": "e", **same, "ts": _microseconds(begun + shift)}

    def _thread_name(self, lane: int) -> Event:
        name = f"{self._replica}{f' ({lane + 1})' if lane else ''}"
        return {"ph": "M", "name": "thread_name", "pid": self._pid, "tid": self._tids[lane], "args": {"name": name}}


def _records(path: Path) -> Iterator[Record]:
    """What is there, if anything; a line that a kill or a full disk has torn is left out. Raises OSError."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        kinds = (str, int, str, int, int, int, int)
        if isinstance(found, list) and [type(one) for one in found] == [*kinds]:
            yield Record(*found)


def _leading(graph: Graph) -> str | None:
    """The host whose clock counts."""
    hosts: Mapping[str | None, None] = dict.fromkeys(node.host for node in graph.nodes.values())
    return next((name for name in graph.hosts if name in hosts), None)


def _microseconds(ns: int) -> float:
    return ns / 1000


def _following(event: Event) -> str:
    return f",\n{json.dumps(event, separators=(',', ':'))}"
