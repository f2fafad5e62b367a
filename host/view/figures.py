"""The line of rates while a graph runs, and the summary at its end."""

from collections.abc import Mapping, Sequence

from bus import books
from host.reading.problems import quoted
from host.view.ledger import Ledger, Look, merged
from host.view.measures import finished

Counters = Mapping[str, int]
Wires = Mapping[str, Sequence[str]]  # a node -> some of its wires

PERIOD = 10.0  # seconds between two lines of rates
LET_PASS = {"passed_over": "passed over by keep: latest", "outdated": "too old for max_age"}  # counters, in words
MADE = ("received", "sent", "made")  # what a node has got through is what has grown most of these


class Figures:
    """What has happened so far. Times are those of one clock, in seconds."""

    def __init__(self, ledger: Ledger, dropping: Mapping[str, Wires] | None = None) -> None:
        """`dropping`: a counter in LET_PASS -> the wires that count in it."""
        self._ledger, self._dropping = ledger, dropping or {}
        self._line = ledger.last  # when the last line was due
        self._began_at = self._first_at = self._last_at = ledger.last.at
        self._made_before: int | None = None  # what clips had become of frames in earlier runs, and is finished
        self._first_done = self._last_done = 0  # when the first and the last message was seen to be finished

    def learn(self, dropping: Mapping[str, Wires]) -> None:
        """The graph has changed, and its ledger has begun anew."""
        self._line, self._dropping = self._ledger.last, dropping

    def look(self) -> str:
        """See what the ledger has, about once a second; a line of rates when one is due and anything has changed."""
        before, after = self._line, self._ledger.last
        self._note_done(after)
        self._note_made(after.total)
        if after.at - before.at < PERIOD:
            return ""
        self._line = after
        return self._rates(before, after) if _counted(before) != _counted(after) else ""

    def summary(self) -> str:
        """How it went, in one line."""
        last = self._ledger.last
        nodes = {name: reading.counters for name, reading in last.nodes.items()}
        total = last.total
        if not total["taken"] and all(counters["received"] for counters in nodes.values()):  # owned on another host
            return ", ".join(f"{name} finished {counters['received']}" for name, counters in nodes.items())
        self._note_done(last)
        lost = max(0, total["taken"] - finished(total) - total["on_the_way"])  # below 0: killed between two counters
        counts = (
            f"converted {total['done']}, dead letters {total['dead']}, dropped {total['dropped']}, "
            f"lost {lost}, waiting {total['on_the_way'] + total['backlog']}"
        )
        latencies = merged([reading.histograms["latency"] for reading in last.nodes.values()])
        median, worst = books.quantile(latencies, 0.5), books.quantile(latencies, 0.99)
        latency = f"; latency median {_duration(median)}, p99 {_duration(worst)}" if any(latencies) else ""
        return f"{counts}; {self._rate_of_done():.1f}/s{latency}{self._let_pass(nodes)}{_refused(total)}"

    def _let_pass(self, nodes: Mapping[str, Counters]) -> str:
        """What wires have dropped on the way, if they have: a frame may be done on another wire all the same."""
        return "".join(
            f"; {counters[counter]} {LET_PASS[counter]} on {' and '.join(map(quoted, wires[name]))}"
            for counter, wires in self._dropping.items()
            for name, counters in nodes.items()
            if counters[counter] and wires.get(name)
        )

    def _rates(self, before: Look, after: Look) -> str:
        seconds = after.at - before.at
        rates = []
        for name, reading in after.nodes.items():
            earlier = before.nodes[name].counters
            got_through = max(reading.counters[part] - earlier[part] for part in MADE)
            rates.append(f"{name} {got_through / seconds:.1f}/s")
        total = after.total
        line = f"{', '.join(rates)}; {total['backlog']} waiting, {total['on_the_way']} on the way"
        if total["total"]:
            rest = total["total"] - total["made"] + self._unfinished(total)
            line += f"; {max(0, total['total'] - rest)} of {total['total']}"
            if left := _time_left(rest, (finished(total) - finished(before.total)) / seconds):
                line += f", {left} left"
        return line + _refused(total)

    def _unfinished(self, total: Counters) -> int:
        """How many of those that the sources have made are not finished; a watcher counts them up to a beat later."""
        waiting = total["backlog"] + total["on_the_way"]
        return max(waiting, total["made"] - (self._made_before or 0) - finished(total))

    def _note_made(self, total: Counters) -> None:
        if total["total"]:  # what is not counted as waiting yet looks finished: the least is true
            before = max(0, total["made"] - total["backlog"] - total["on_the_way"] - finished(total))
            self._made_before = before if self._made_before is None else min(before, self._made_before)

    def _note_done(self, look: Look) -> None:
        done = look.total["done"]
        if done == self._last_done:
            return
        if not self._last_done:
            self._first_at, self._first_done = look.at, done
        self._last_at, self._last_done = look.at, done

    def _rate_of_done(self) -> float:
        """Messages a second from the first to the last that was finished; since the start if that was a moment."""
        if self._last_done > self._first_done:
            return (self._last_done - self._first_done) / (self._last_at - self._first_at)
        return self._last_done / max(self._last_at - self._began_at, 1.0)


def _counted(look: Look) -> list[Counters]:
    """What changes when the graph gets on; its nodes' time goes by even when it does not."""
    times = ("waiting_ns", "working_ns", "blocked_ns", "disk_ns")
    return [
        {name: count for name, count in reading.counters.items() if name not in times}
        for reading in look.nodes.values()
    ]


def _refused(total: Counters) -> str:
    """What strangers, or peers that keep to nothing, have tried; nothing if they have not."""
    return f"; refused {total['refused']}" if total["refused"] else ""


def _time_left(count: int, rate: float) -> str:
    if count <= 0 or rate <= 0:
        return ""
    seconds = round(count / rate)
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
