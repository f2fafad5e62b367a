"""What /proc says of processes, see man 5 proc_pid_stat."""

from collections.abc import Collection, Iterator
from pathlib import Path

STATE, PARENT, SESSION, RESIDENT = 0, 1, 3, 21  # places of a process's facts
TIMES = range(11, 15)  # its ticks of the processor, by its own code and the kernel's, then of children it waited for
IDLE = (3, 4)  # places of the ticks in which processors did nothing, or waited for a disk, see man 5 proc_stat
ALL = 8  # so many places are ticks of their own: what follows is in them


def facts(pid: int) -> list[bytes]:
    """What stands behind the name of the process in its stat; nothing if it has ended."""
    try:
        return Path("/proc", str(pid), "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def starved(pid: int) -> int:
    """For how many nanoseconds its main thread could have run, and had no processor (schedstats in the kernel's docs).

    Nothing if it has ended, or where the kernel does not say.
    """
    try:
        return int(Path("/proc", str(pid), "schedstat").read_bytes().split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


def everyone() -> Iterator[tuple[int, list[bytes]]]:
    """The pid and the facts of each process."""
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if found := facts(pid):
            yield pid, found


def children(pid: int) -> set[int]:
    """The pids of its children, the dead that are not reaped included."""
    return {one for one, found in everyone() if int(found[PARENT]) == pid}


def busy_ticks(cores: Collection[int]) -> int:
    """For how many ticks these processors of the machine have been busy, all added up."""
    names = {b"cpu%d" % core for core in cores}
    lines = [
        words
        for line in Path("/proc/stat").read_bytes().split(b"\n")
        if (words := line.split(b" ")) and words[0] in names
    ]
    return sum(int(count) for words in lines for place, count in enumerate(words[1 : 1 + ALL]) if place not in IDLE)
