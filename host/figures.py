"""The books of all replicas, added up: the line of rates while a graph runs, and the summary at its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bus import books
from host.problems import quoted

Counters = dict[str, int]
Wires = Mapping[str, Sequence[str]]  # a node -> some of its wires

PERIOD = 5.0  # seconds between two lines of rates
LET_PASS = {"passed_over": "passed over by keep: latest", "outdated": "too old for max_age"}  # counters, in words
PROGRESS = ("received", "sent", "made")  # a replica has got on when one of these has grown


def counters(path: Path) -> Counters:
    """The counters in the books at `path`; all zero as long as there are none, or they cannot be read."""
    try:
        return books.read(path)
    except (OSError, ValueError):  # ValueError: they are being made
        return dict.fromkeys(books.COUNTERS, 0)


class Figures:
    """What has happened so far. Times are those of one clock, in seconds."""

    def __init__(
        self, replicas: Mapping[str, Sequence[Path]], now: float, dropping: Mapping[str, Wires] | None = None
    ) -> None:
        """`replicas`: the paths of the books of each node, the source first.

        `dropping`: a counter in LET_PASS -> the wires that count in it.
        """
        self._replicas, self._dropping = replicas, dropping or {}
        self._nodes = self._read()  # as they were when the last line was due
        self._read_at = self._began_at = self._first_at = self._last_at = now
        self._made_before: int | None = None  # what clips had become of frames in earlier runs, and is finished
        self._first_done = self._last_done = 0  # when the first and the last message was seen to be finished

    def look(self, now: float) -> str:
        """Read the books, about once a second; a line of rates when one is due and anything has changed."""
        nodes = self._read()
        self._note_done(_sum(nodes)["done"], now)
        self._note_made(_sum(nodes))
        if now - self._read_at < PERIOD:
            return ""
        line = self._rates(nodes, now - self._read_at) if nodes != self._nodes else ""
        self._nodes, self._read_at = nodes, now
        return line

    def summary(self, now: float) -> str:
        """How it went, in one line."""
        nodes = self._read()
        total = _sum(nodes)
        if not total["taken"] and all(counters["received"] for counters in nodes.values()):  # owned on another host
            return ", ".join(f"{name} finished {counters['received']}" for name, counters in nodes.items())
        self._note_done(total["done"], now)
        lost = max(0, total["taken"] - _finished(total) - total["on_the_way"])  # below 0: killed between two counters
        counts = (
            f"converted {total['done']}, dead letters {total['dead']}, dropped {total['dropped']}, "
            f"lost {lost}, waiting {total['on_the_way'] + total['backlog']}"
        )
        latencies = self._latencies()
        median, worst = books.quantile(latencies, 0.5), books.quantile(latencies, 0.99)
        latency = f"; latency median {_duration(median)}, p99 {_duration(worst)}" if any(latencies) else ""
        return f"{counts}; {self._rate_of_done():.1f}/s{latency}{self._let_pass(nodes)}"

    def _let_pass(self, nodes: dict[str, Counters]) -> str:
        """What wires have dropped on the way, if they have: a frame may be done on another wire all the same."""
        return "".join(
            f"; {counters[counter]} {LET_PASS[counter]} on {' and '.join(map(quoted, wires[name]))}"
            for counter, wires in self._dropping.items()
            for name, counters in nodes.items()
            if counters[counter]
        )

    def _rates(self, nodes: dict[str, Counters], seconds: float) -> str:
        rates = []
        for name, after in nodes.items():
            before = self._nodes[name]
            rates.append(f"{name} {max(after[part] - before[part] for part in PROGRESS) / seconds:.1f}/s")
        total, earlier = _sum(nodes), _sum(self._nodes)
        line = f"{', '.join(rates)}; {total['backlog']} waiting, {total['on_the_way']} on the way"
        if total["total"]:
            rest = total["total"] - total["made"] + self._unfinished(total)
            line += f"; {max(0, total['total'] - rest)} of {total['total']}"
            if left := _time_left(rest, (_finished(total) - _finished(earlier)) / seconds):
                line += f", {left} left"
        return line

    def _unfinished(self, total: Counters) -> int:
        """How many of those that the sources have made are not finished; a watcher counts them up to a beat later."""
        waiting = total["backlog"] + total["on_the_way"]
        return max(waiting, total["made"] - (self._made_before or 0) - _finished(total))

    def _note_made(self, total: Counters) -> None:
        if total["total"]:  # what is not counted as waiting yet looks finished: the least is true
            before = max(0, total["made"] - total["backlog"] - total["on_the_way"] - _finished(total))
            self._made_before = before if self._made_before is None else min(before, self._made_before)

    def _note_done(self, done: int, now: float) -> None:
        if done == self._last_done:
            return
        if not self._last_done:
            self._first_at, self._first_done = now, done
        self._last_at, self._last_done = now, done

    def _rate_of_done(self) -> float:
        """Messages a second from the first to the last that was finished; since the start if that was a moment."""
        if self._last_done > self._first_done:
            return (self._last_done - self._first_done) / (self._last_at - self._first_at)
        return self._last_done / max(self._last_at - self._began_at, 1.0)

    def _read(self) -> dict[str, Counters]:
        return {name: _added([counters(path) for path in paths]) for name, paths in self._replicas.items()}

    def _latencies(self) -> list[int]:
        paths = [path for paths in self._replicas.values() for path in paths if path.exists()]
        latencies = [books.read_whole(path).histograms["latency"] for path in paths]
        return [sum(column) for column in zip(*latencies, strict=True)]


def _sum(nodes: Mapping[str, Counters]) -> Counters:
    return _added(list(nodes.values()))


def _added(several: Sequence[Counters]) -> Counters:
    return {counter: sum(one[counter] for one in several) for counter in books.COUNTERS}


def _finished(counters: Counters) -> int:
    return counters["done"] + counters["dead"] + counters["dropped"]


def _time_left(count: int, rate: float) -> str:
    if count <= 0 or rate <= 0:
        return ""
    seconds = round(count / rate)
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
