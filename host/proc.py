"""What /proc says of processes, see man 5 proc_pid_stat."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

STATE, PARENT, SESSION, RESIDENT = 0, 1, 3, 21  # places of a process's facts
TIMES = range(11, 15)  # its ticks of the processor, by its own code and the kernel's, then of children it waited for
IDLE = (3, 4)  # places of the ticks in which processors did nothing, or waited for a disk, see man 5 proc_stat
ALL = 8  # so many places are ticks of their own: what follows is in them
MOST = 4096  # bytes; what is read here of a process is shorter

Facts = list[bytes]


def facts(pid: int) -> Facts:
    """What stands behind the name of the process in its stat; nothing if it has ended."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def starved(pid: int) -> int:
    """For how many nanoseconds its main thread could have run, and had no processor (schedstats in the kernel's docs).

    Nothing if it has ended, or where the kernel does not say.
    """
    said = _read(f"/proc/{pid}/schedstat").split()
    return int(said[1]) if said else 0


def everyone() -> Iterator[tuple[int, Facts]]:
    """The pid and the facts of each process."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (found := facts(int(entry.name))):
            yield int(entry.name), found


def children(pid: int) -> set[int]:
    """The pids of its children, the dead that are not reaped included."""
    return {one for one, found in everyone() if int(found[PARENT]) == pid}


def head(facts: Facts, heads: Collection[int], everyone: Mapping[int, Facts]) -> int | None:
    """Which of `heads` a process belongs to: that of its session, or of its nearest ancestor that belongs to one."""
    seen = 0
    while facts and seen < len(everyone):  # a pid that is used again meanwhile might close a circle
        if (session := int(facts[SESSION])) in heads:
            return session
        facts, seen = everyone.get(int(facts[PARENT]), []), seen + 1
    return None


def busy_ticks(cores: Collection[int]) -> int:
    """For how many ticks these processors of the machine have been busy, all added up."""
    names = {b"cpu%d" % core for core in cores}
    lines = [
        words
        for line in Path("/proc/stat").read_bytes().split(b"\n")
        if (words := line.split(b" ")) and words[0] in names
    ]
    return sum(int(count) for words in lines for place, count in enumerate(words[1 : 1 + ALL]) if place not in IDLE)


def _read(path: str) -> bytes:
    """What stands there; nothing if the process has ended. With pathlib it would take three times as long."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, ProcessLookupError):
        return b""
    try:
        return os.read(descriptor, MOST)
    except ProcessLookupError:
        return b""
    finally:
        os.close(descriptor)
