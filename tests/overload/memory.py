"""What each node of a running graph holds: sampled, fitted with a line, and judged.

Measured are the anonymous and the shared pages of a replica and of all that descends from it (RssAnon + RssShmem of
/proc/<pid>/status): what it allocated, without the pages of programs and libraries, which the kernel can drop.
"""

import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy

from bus.link import PREFETCH
from bus.puller import WINDOW, WINDOW_BYTES
from tests.launch import processes_in

MIB = 1 << 20
FREE = 64 * MIB  # bytes that any node may hold beside its credit
STEADY = 30.0  # seconds of samples from which a slope is judged
FLAT = (
    1.0  # MiB a minute that a slope may have: the fit's own noise is less, a leak of a frame a second is 60 times more
)


class Verdict(NamedTuple):
    """How a replica did: bytes, and MiB a minute (None: too short a run to say)."""

    peak: float
    bound: float
    slope: float | None

    @property
    def holds(self) -> bool:
        return self.peak <= self.bound and (self.slope is None or self.slope <= FLAT)


def pushing(size: int) -> int:
    """The byte credit of a pushing end, per puller replica.

    That is what may be unfinished downstream, of messages of `size` bytes, and one more that waits to be sent.
    """
    return max(size, min(WINDOW_BYTES, WINDOW * size)) + size


def pulling(size: int, batch: int = 1) -> int:
    """The byte credit of a pulling end, per pusher replica, for user code that takes batches of so many.

    That is what it has not let go of, of messages that take `size` bytes when they are decoded, and one more that it
    has just let go of.
    """
    return max(size, min(WINDOW_BYTES, (2 * batch if batch > 1 else PREFETCH) * size)) + size


class Samples:
    """Of the replicas that run in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._began = time.monotonic()
        self._of: dict[str, list[tuple[float, int]]] = defaultdict(list)  # replica -> (seconds, bytes)

    def take(self) -> None:
        processes = {pid: status for pid in processes_in(self._folder) if (status := _status(pid))}
        names = {pid: name for pid, line in processes_in(self._folder).items() if (name := _name(line))}
        held: dict[str, int] = defaultdict(int)
        for pid, status in processes.items():
            if head := _head(pid, processes, names):
                held[head] += 1024 * (status["RssAnon"] + status["RssShmem"])
        for name, count in held.items():
            self._of[name].append((time.monotonic() - self._began, count))

    def judge(self, credit: dict[str, int]) -> dict[str, Verdict]:
        """The verdict on each replica; `credit`: the byte credit of each node."""
        return {
            name: Verdict(max(held for _, held in samples), 2 * credit[name.partition(".")[0]] + FREE, _slope(samples))
            for name, samples in sorted(self._of.items())
        }


def _slope(samples: list[tuple[float, int]]) -> float | None:
    """MiB a minute over the second half: the median of the slopes between any two samples (Theil and Sen)."""
    seconds, held = numpy.array(samples[len(samples) // 2 :], float).T
    if seconds[-1] - seconds[0] < STEADY:
        return None
    one, other = numpy.triu_indices(len(seconds), 1)
    return float(numpy.median((held[other] - held[one]) / (seconds[other] - seconds[one]))) * 60 / MIB


def _status(pid: int) -> dict[str, int]:
    """The numbers of /proc/<pid>/status; nothing if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = (line.split() for line in lines)
    found = {words[0].rstrip(":"): int(words[1]) for words in fields if len(words) > 1 and words[1].isdigit()}
    return found if "RssAnon" in found else {}


def _name(line: list[str]) -> str:
    return next((word.removeprefix("--name=") for word in line if word.startswith("--name=")), "")


def _head(pid: int, processes: dict[int, dict[str, int]], names: dict[int, str]) -> str:
    """The replica that `pid` is, or descends from."""
    while pid in processes and pid not in names:
        pid = processes[pid]["PPid"]
    return names.get(pid, "")
