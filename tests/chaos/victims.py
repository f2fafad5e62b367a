"""The processes that a campaign may strike: all that the graph has started, its launcher included."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.launch import pids

LAUNCHER, JANITOR = "launcher", "janitor"
KIB = 1024


class Victim(NamedTuple):
    """A process, under the name of what it is for: a replica, the decoder of a splitter, the launcher, the janitor."""

    name: str
    pid: int
    memory: int  # resident bytes
    peak: int  # resident bytes, the most so far
    descriptors: int

    def send(self, number: signal.Signals) -> None:
        """Nothing happens to one that has ended meanwhile."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def victims(launcher: int) -> Iterator[Victim]:
    """The launcher with this pid, and all processes that descend from it, as they are now."""
    parents: dict[int, int] = {}
    for pid in pids():
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat", "rb") as file:
            facts = file.read().rpartition(b")")[2].split()
            if facts[0] != b"Z":
                parents[int(pid)] = int(facts[1])
    names = {launcher: LAUNCHER}
    wanted = [launcher]
    while wanted:
        above = wanted.pop()
        for child in [child for child, parent in parents.items() if parent == above]:
            names[child] = _name(child) or f"{names[above]}'s child"
            wanted.append(child)
    for found, name in names.items():
        with suppress(FileNotFoundError, ProcessLookupError):
            place = Path("/proc", str(found))
            held = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
            if "VmHWM" in held:  # else it is just ending
                memory, peak = (int(held[key].split()[0]) * KIB for key in ("VmRSS", "VmHWM"))
                yield Victim(name, found, memory, peak, len([*(place / "fd").iterdir()]))


def _name(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        words = Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace").split("\0")
        if any(word.endswith("janitor.py") for word in words):
            return JANITOR
        return next((word.partition("=")[2] for word in words if word.startswith("--name=")), "")
    return ""
