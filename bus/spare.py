"""How much memory this process may still take without driving others out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

MEMORY = Path("/proc/meminfo")
GROUP = Path("/proc/self/cgroup")  # cgroups(7); the line of version 2 begins with 0::
GROUPS = Path("/sys/fs/cgroup")


def spare() -> int:
    """Bytes: what the system has available, or less where a control group, as of a container, allows less."""
    return min([_available(), *_allowed()])


def _available() -> int:
    for line in MEMORY.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _allowed() -> list[int]:
    """What each group that this process is in leaves it; files in memory count as free, as the kernel lets them go."""
    own = next((line[3:] for line in GROUP.read_text().splitlines() if line.startswith("0::")), "/")
    place = GROUPS / own.lstrip("/")
    left = []
    for group in (place, *place.parents):
        if not group.is_relative_to(GROUPS):
            break
        with suppress(OSError, ValueError):  # the root has no limit, and others may say "max"
            most = int((group / "memory.max").read_text())
            used = int((group / "memory.current").read_text())
            stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            left.append(most - used + int(stat["inactive_file"]) + int(stat["active_file"]))
    return left
