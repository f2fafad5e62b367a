"""How the graph is, in words; and the launcher as a service, which says them to systemd (man 3 sd_notify)."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence

from bus.notify import Notify
from host.child import Child
from host.graph import Graph
from host.view.figures import PERIOD

PATIENCE = 30.0  # seconds after which a node that is not ready yet is the launcher's business alone
REPEAT = 5.0  # seconds after which all is said again to who wants no sign of life: a datagram may be lost
FASTEST = 0.1  # seconds between two signs of life


class Service:
    """Speaks to $NOTIFY_SOCKET; silent without. Times are those of time.monotonic(), in seconds."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._notify = Notify()
        self._pace = pace(os.environ)
        self._rates, self._rates_at = "", 0.0
        self._status = ""
        self._began_at = self.beats_at = time.monotonic()

    def rates(self, line: str) -> None:
        """Note the last line of rates."""
        self._rates, self._rates_at = line, time.monotonic()

    def turn(self, is_stopping: bool) -> None:
        """Say what has changed, and that the launcher is alive. To be called in each turn, and at `beats_at`."""
        now = time.monotonic()
        if is_stopping:
            self._notify.stopping()
        elif now >= self._began_at + PATIENCE or all(map(_is_up, self._children)):
            self._notify.ready()
        if self._status != (status := "; ".join(self._words(now, is_stopping))):
            self._status = status
            self._notify.status(status)
        elif now >= self.beats_at:
            self._notify.beat()
        else:
            return
        self.beats_at = now + self._pace

    def close(self, last_words: str) -> None:
        """Say that it is over, and how it went."""
        if not any(child.over == "failed" for child in self._children):
            self._notify.ready()  # if a short graph was over before it was: to end well all the same
        self._notify.status(last_words)
        self._notify.stopping()
        self._notify.close()

    def _words(self, now: float, is_stopping: bool) -> Iterator[str]:
        there = [child for child in self._children if child.over != "spare"]
        running = sum(child.is_running for child in there)
        yield f"{'stops, ' if is_stopping else ''}{running} of {len(there)} processes run"
        if failed := _labels([child for child in self._children if child.over == "failed"]):
            yield f"failed for good: {failed}"
        if resting := _labels([child for child in self._children if not child.is_running and not child.over]):
            yield f"to be started: {resting}"
        if self._rates and now < self._rates_at + 2 * PERIOD:
            yield self._rates


def beginning(graph: Graph, children: Sequence[Child]) -> str:
    """What is about to run: `children` are all replicas here, the sink first."""
    scales = {child.node.name: child.node.scale for child in reversed(children)}
    nodes = (f"{name} x {scale}" if scale != "1" else name for name, scale in scales.items())
    where = graph.path.absolute(), *filter(None, [graph.launcher(children[0].node)])
    return f"runs {' on '.join(map(str, where))}: {', '.join(nodes)}; Ctrl-C stops it"


def outcome(children: Sequence[Child], is_stopping: bool, elsewhere: Sequence[str] = ()) -> str:
    """How it went, in a word or two; `elsewhere`: those on other hosts that failed for good."""
    if failed := [*(child.process.label for child in children if child.over == "failed"), *elsewhere]:
        return f"failed because of {', '.join(failed)}"
    return "stopped" if is_stopping else "all done"


def state(children: Sequence[Child], is_stopping: bool, elsewhere: Sequence[str] = ()) -> str:
    """How the graph is, in a word."""
    if not all(child.over for child in children):
        return "stops" if is_stopping else "runs"
    if elsewhere or any(child.over == "failed" for child in children):
        return "failed"
    return "stopped" if is_stopping else "done"


def pace(environment: Mapping[str, str]) -> float:
    """Seconds between two signs of life: half of what systemd waits for one, if it does (man 3 sd_watchdog_enabled)."""
    microseconds, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdecimal() or pid != str(os.getpid()):
        return REPEAT
    return max(FASTEST, int(microseconds) / 2e6)


def _is_up(child: Child) -> bool:
    """Whether it has begun to work; a command need not know how to say so."""
    return child.is_ready or child.over in ("ended", "spare") or (child.is_running and child.node.command is not None)


def _labels(children: Sequence[Child]) -> str:
    return ", ".join(child.process.label for child in children)
