"""What /proc says of processes, see man 5 proc_pid_stat."""

from collections.abc import Iterator
from pathlib import Path

STATE, PARENT, SESSION, RESIDENT = 0, 1, 3, 21  # places of a process's facts


def facts(pid: int) -> list[bytes]:
    """What stands behind the name of the process in its stat; nothing if it has ended."""
    try:
        return Path("/proc", str(pid), "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def everyone() -> Iterator[tuple[int, list[bytes]]]:
    """The pid and the facts of each process."""
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if found := facts(pid):
            yield pid, found


def children(pid: int) -> set[int]:
    """The pids of its children, the dead that are not reaped included."""
    return {one for one, found in everyone() if int(found[PARENT]) == pid}
