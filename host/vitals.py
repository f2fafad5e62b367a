"""What /proc tells about the children: the memory that each session holds, and whether a process is stopped."""

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes
STATE, SESSION, RESIDENT = 0, 3, 21  # places in /proc/<pid>/stat behind the name, see man 5 proc_pid_stat


def memory_by_session() -> dict[int, int]:
    """Resident bytes of all processes of each session, by its id; shared pages count once for each process."""
    memory: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if facts := _facts(folder):
            session = int(facts[SESSION])
            memory[session] = memory.get(session, 0) + int(facts[RESIDENT]) * PAGE
    return memory


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped by a signal or a debugger."""
    facts = _facts(Path("/proc", str(pid)))
    return bool(facts) and facts[STATE] in (b"T", b"t")


def _facts(folder: Path) -> list[bytes]:
    """What stands behind the name of the process; nothing if it has ended."""
    try:
        return (folder / "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
