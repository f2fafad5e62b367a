"""What the launcher sees to all the time, whatever the nodes do: hangs, memory, orphans, the janitor, companions."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence

from bus.steps import step
from host import janitor, limits
from host.child import Child
from host.companions import Companions
from host.orphans import Orphans

LOOK = 1.0  # seconds between two looks at everyone
GAP = 5.0  # seconds without a look: the launcher itself was stopped, and perhaps everyone was
SHORT_OF = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)  # processes, memory or descriptors are


class Rounds:
    """A look at everyone once a second, and at what grows faster. Times are those of time.monotonic(), in seconds."""

    def __init__(
        self, children: Sequence[Child], run_id: str, companions: Companions, say: Callable[[str], None]
    ) -> None:
        """Raises OSError if no process can be started now."""
        self._children, self._run_id, self._say = children, run_id, say
        self.companions = companions
        self._orphans = Orphans()
        with step("start the janitor"):
            self._janitor = janitor.start(run_id)
        self._looked_at = self._glanced_at = time.monotonic()

    def next_turn(self) -> float:
        pace = limits.GLANCE if any(child.node.memory for child in self._children) else LOOK
        return min(self._looked_at + LOOK, self._glanced_at + pace, self.companions.next_turn())

    def glance(self) -> None:
        """Look at what may take all memory before the next look."""
        if time.monotonic() >= self._glanced_at + limits.GLANCE:
            self._glanced_at = time.monotonic()
            limits.enforce_memory(self._running(), limits.memory_of)

    def look(self) -> bool:
        """Look at everyone, if it is time; whether it was."""
        self.companions.kill_who_is_overdue()
        self.companions.start_who_is_due()
        now = time.monotonic()
        if now < self._looked_at + LOOK:
            return False
        if now > self._looked_at + GAP:
            for child in self._children:
                child.forgive()
        self._looked_at = now
        self._orphans.reap([*self._own(), *(child.pid for child in self._running())])
        try:
            self._revive_janitor()
            limits.enforce_stall(self._running())
            limits.enforce_memory(self._running(), limits.memory_by_family)
        except OSError as error:
            if error.errno not in SHORT_OF:
                raise
            self._say(f"cannot look after the nodes now: {error.strerror}")
        return True

    def close(self) -> None:
        """Leave nothing behind."""
        self.companions.close()
        with step("send off the janitor"):
            is_done = janitor.send_off(self._janitor)
        if not is_done:
            self._say("something that a node has started cannot be killed; the janitor goes on trying")
        if not self._orphans.kill(self._own()):  # who carries the run's id no longer, and so meets no janitor
            self._say("something that a node has started cannot be killed")

    def _own(self) -> list[int]:
        return [self._janitor.pid, *self.companions.pids]

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.is_running]

    def _revive_janitor(self) -> None:
        if self._janitor.poll() is not None:
            dead, self._janitor = self._janitor, janitor.start(self._run_id)
            janitor.send_off(dead)
            self._say("the janitor has died: another one takes over")
