"""Orphans: processes whose parents have died before them; those of its children's children come to the launcher."""

import ctypes
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress

from host import proc

PR_SET_CHILD_SUBREAPER = 36  # from linux/prctl.h
PATIENCE = 1.0  # seconds in which the killed must have died
PAUSE = 0.01  # seconds between two looks at them


def strays(living: Collection[int]) -> set[int]:
    """The pids of all that descend from this process, and from none of its children `living`.

    Who outlives a node's process, and its session, is among them: a subreaper's orphans come to it.
    """
    parents = {pid: int(facts[proc.PARENT]) for pid, facts in proc.everyone()}
    found, ahead = set[int](), {os.getpid()}
    while ahead:
        ahead = {pid for pid, parent in parents.items() if parent in ahead} - {*living} - found
        found |= ahead
    return found


class Orphans:
    """All children of this process that it has not started itself; `own` are those that it has, by pid."""

    def __init__(self) -> None:
        self._strangers = proc.children(os.getpid())  # of whatever this process was before it became a launcher
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def reap(self, own: Collection[int]) -> None:
        """Reap the dead, up to the first of `own`."""
        with suppress(ChildProcessError):  # there is nobody at all
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and dead.si_pid not in own:
                os.waitpid(dead.si_pid, 0)

    def kill(self, own: Collection[int]) -> bool:
        """Kill the living, and all that they leave behind; whether nobody is left."""
        deadline = time.monotonic() + PATIENCE
        while left := proc.children(os.getpid()) - self._strangers - {*own}:
            if time.monotonic() > deadline:
                return False
            for pid in left:
                with suppress(PermissionError):  # it runs as another user
                    os.kill(pid, signal.SIGKILL)  # the pid is its own until it is reaped
            time.sleep(PAUSE)
            self.reap(own)
        return True
