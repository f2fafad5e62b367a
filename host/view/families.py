"""What a process and all that descends from it takes of the machine: memory, and time of its processors."""

import os
from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from host import proc

PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes
TICKS = os.sysconf("SC_CLK_TCK")  # in a second
LOOKS = 4  # over how many looks the use of processors is taken


class Family(NamedTuple):
    """Of a session, with all that descends from it, such as a source's decoder."""

    memory: int  # resident bytes; shared pages count once for each process
    ticks: int  # of processors, by the living and by the dead that were waited for


def families(pids: Collection[int]) -> dict[int, Family]:
    """What the sessions that `pids` lead take."""
    everyone = dict(proc.everyone())
    found = dict.fromkeys(pids, Family(0, 0))
    for facts in everyone.values():
        if (head := proc.head(facts, found, everyone)) is not None:
            memory, ticks = found[head]
            spent = sum(int(facts[place]) for place in proc.TIMES)
            found[head] = Family(memory + int(facts[proc.RESIDENT]) * PAGE, ticks + spent)
    return found


class Use:
    """How much of the machine each family uses, and how much of it its head is denied, over the last looks."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[int, Family]]] = deque(maxlen=LOOKS)
        self._denied: deque[tuple[float, dict[int, int]]] = deque(maxlen=LOOKS)

    def look(self, now: float, pids: Collection[int]) -> None:
        self._looks.append((now, families(pids)))
        self._denied.append((now, {pid: proc.starved(pid) for pid in pids}))

    def memory(self, pid: int) -> int:
        """Bytes."""
        return self._looks[-1][1].get(pid, Family(0, 0)).memory if self._looks else 0

    def cores(self, pid: int) -> float:
        """How many processors its family has kept busy."""
        seen = [(at, found[pid].ticks) for at, found in self._looks if pid in found]
        if len(seen) < 2:
            return 0.0
        (began, before), (ended, after) = seen[0], seen[-1]
        return max(0, after - before) / TICKS / (ended - began)

    def starved(self, pid: int) -> float:
        """Which part of the time it has waited for a processor: others had them, or a limit kept it from them."""
        seen = [(at, denied[pid]) for at, denied in self._denied if pid in denied]
        if len(seen) < 2:
            return 0.0
        (began, before), (ended, after) = seen[0], seen[-1]
        return min(1.0, max(0, after - before) / 1e9 / (ended - began))


class Machine:
    """How busy those processors of this machine are on which we may run, whoever keeps them so."""

    def __init__(self) -> None:
        self._ours = os.sched_getaffinity(0)
        self.cores = len(self._ours)
        self._looks: deque[tuple[float, float]] = deque(maxlen=LOOKS)

    def look(self, now: float) -> None:
        self._looks.append((now, proc.busy_ticks(self._ours) / TICKS))

    @property
    def busy(self) -> float:
        """How many processors were busy in the last looks."""
        if len(self._looks) < 2:
            return 0.0
        (began, before), (ended, after) = self._looks[0], self._looks[-1]
        return max(0.0, after - before) / (ended - began)
