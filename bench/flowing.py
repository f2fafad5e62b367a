"""A graph of ours through which frames flow, with the CPU time of each of its nodes: who spends it, and where."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.contender import Figures
from bench.family import Broken, Family
from bench.graphs import counted, launched
from bus import books

GO = "go"  # the file on which a camera waits
READY = "ready after"  # what the launcher says of each replica once
PATIENCE = 120.0  # seconds until all replicas are there: many processes start
LOOK = 0.01  # seconds between two looks


@dataclass
class Spent:
    """CPU time of a node's replicas so far, in seconds: of all threads, and of the main ones."""

    whole: float = 0.0
    main: float = 0.0


class Flow:
    """A graph that runs, and whose replicas are all ready. Its camera waits for `go`."""

    def __init__(self, family: Family, run: Path) -> None:
        self.family, self.run = family, run

    @property
    def pids(self) -> dict[str, int]:
        """Those that live now, by the names of their replicas; what is no node is left out."""
        found = {}
        for pid in self.family.pids:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            for word in words:
                if word.startswith(b"--name="):
                    found[word.removeprefix(b"--name=").decode()] = pid
        return found

    def spent(self, pids: Mapping[str, int]) -> dict[str, Spent]:
        """By node."""
        found: dict[str, Spent] = {}
        for name, pid in pids.items():
            node = found.setdefault(name.rpartition(".")[0], Spent())
            node.whole += time.clock_gettime(~pid << 3 | 2)  # the kernel's clock of a process is numbered after it
            node.main += int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9
        return found

    def go(self) -> None:
        (self.family.folder / GO).touch()

    @property
    def counted(self) -> int:
        return counted(self.family)

    def until(self, count: int, seconds: float, look: float = LOOK) -> tuple[float, int]:
        """Wait for so many results; when they were seen, and how many they were then."""
        self.family.until(lambda: self.counted >= count, seconds, f"{count} results", look)
        return time.monotonic(), self.counted

    def books(self, replica: str) -> Path:
        """Where the books of a replica lie. Raises Broken if it has none."""
        found = [*self.run.rglob(f"{replica}.books")]
        if len(found) != 1:
            raise Broken(f"there are {len(found)} books of {replica}")
        return found[0]

    def kill(self, replica: str) -> bool:
        """Kill it with -9; whether it was there."""
        pid = self.pids.get(replica)
        if pid:
            os.kill(pid, signal.SIGKILL)
        return bool(pid)

    def measure(self, seconds: float) -> Figures:
        """The rate, and by node the microseconds of CPU a frame, for so long."""
        pids = self.pids
        before, count, began = self.spent(pids), self.counted, time.monotonic()
        time.sleep(seconds)
        after, done, took = self.spent(pids), self.counted - count, time.monotonic() - began
        if not done:
            raise Broken(f"nothing came in {took:.1f} s")
        per = 1e6 / done
        found: Figures = {"": {"rate": done / took, "frames": done}}
        for node, spent in after.items():
            whole, main = spent.whole - before[node].whole, spent.main - before[node].main
            found[node] = {"cpu": whole * per, "main": main * per}
        return found


@contextmanager
def flowing(nodes: dict[str, Any], folder: Path, wires: dict[str, Any] | None = None) -> Iterator[Flow]:
    """Launch a graph of these nodes, and wait until all replicas are ready."""
    folder.mkdir(exist_ok=True)
    replicas = sum(node.get("replicas", 1) for node in nodes.values())
    with running(launched(nodes, folder, wires), folder, replicas) as flow:
        yield flow


@contextmanager
def running(command: Sequence[str | Path], folder: Path, replicas: int) -> Iterator[Flow]:
    """The same of a command that launches so many replicas."""
    with (
        TemporaryDirectory(prefix="zg-bench-") as run,  # a short path: those of ipc sockets end at 107 characters
        Family(command, folder, {"XDG_RUNTIME_DIR": run}) as family,
    ):
        family.until(lambda: family.said.count(READY) >= replicas, PATIENCE, f"{replicas} that are ready")
        yield Flow(family, Path(run))


def ages(flow: Flow, replica: str) -> dict[str, float]:
    """How old what came to it was, in seconds, to half a bucket of the books' histogram."""
    histogram = books.read_whole(flow.books(replica)).histograms["age"]
    return {"p50": books.quantile(histogram, 0.5), "p99": books.quantile(histogram, 0.99)}


def tally(flow: Flow, replica: str) -> Counter[str]:
    return Counter(books.read(flow.books(replica)))
