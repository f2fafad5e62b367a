"""CPU time of whole families of processes, to the microsecond. Needs the standard library alone: peers use it, too."""

import os
import resource
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PARENT, OWN, DEAD = 1, slice(11, 13), slice(13, 15)  # places in /proc/PID/stat, behind the name; see proc(5)

Stats = dict[int, list[str]]


class Clocks:
    """The CPU clocks of all processes that descend from one, without that one itself."""

    def __init__(self, root: int) -> None:
        self._root, self._pids = root, below(root)

    def refresh(self) -> None:
        """Look anew who there is; reading takes no notice of who has come since. Takes some milliseconds."""
        self._pids = below(self._root)

    def read(self) -> float:
        """Seconds of CPU that those known have used so far, user and system, all threads."""
        return sum(_of(pid) for pid in self._pids)


def below(root: int) -> list[int]:
    """The processes that descend from `root`, living or not waited for yet."""
    return _below(root, _stats())


def _below(root: int, stats: Stats) -> list[int]:
    parents: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        parents.setdefault(int(fields[PARENT]), []).append(pid)
    found, ask = [], [root]
    while ask:
        children = parents.get(ask.pop(), [])
        found += children
        ask += children
    return found


def used() -> float:
    """Seconds of CPU of all that descends from this process, with those that have ended.

    Of the dead that others have waited for, or that nobody has yet, the kernel tells hundredths of a second only.
    """
    stats = _stats()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = usage.ru_utime + usage.ru_stime
    for pid in _below(os.getpid(), stats):
        total += (_of(pid) or _seconds(stats[pid][OWN])) + _seconds(stats[pid][DEAD])
    return total


def _of(pid: int) -> float:
    """Seconds of one process, or 0.0 if it has ended: the kernel's clock of a process is numbered after it."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def _seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / TICKS


def _stats() -> Stats:
    """What /proc/PID/stat says of each process, from its state on."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return found
