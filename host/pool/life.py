"""One life of a node on a machine of a pool: a child as the launcher's are, and what is told of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from host import janitor, limits
from host.child import Child
from host.command import Process
from host.notices import Notice
from host.pool.folder import Folder
from host.pool.mailbox import Mailbox
from host.view.families import Use

LEASE = 10.0  # seconds without being asked after which it is cut off, and ends: another machine has taken its place
LOOK = 0.5  # seconds between two looks at its books
USE = 2.0  # … at what it takes of the machine, for which all processes there are looked at


class Life:
    """Times are those of time.monotonic(), in seconds."""

    def __init__(self, process: Process, graph: Path, run: Folder, mailbox: Mailbox, address: str) -> None:
        """Begins it, in the folder `graph`. `address`: that of the machine. Raises OSError."""
        self._replica, self._run, self._mailbox, self._address = process.replica, run, mailbox, address
        self._told: dict[str, Any] = {"books": b"", "mark": "", "notice": "", "use": {}}
        self._use, self._uses_at = Use(), 0.0
        self._looks_at = 0.0
        self.child = Child(process, graph, run, lambda name, words: mailbox.post("line", words))
        self.log = self.child.start()
        mailbox.post("hand", None)  # what the life before this one held is for this one to report now
        mailbox.asked_at = time.monotonic()

    def hear(self, notice: Notice) -> None:
        """Tell what the node says of itself."""
        if notice.session != self.child.pid:
            return
        self._tell("notice", "\n".join(f"{name}={value}" for name, value in notice.fields.items()))
        if notice.fields.get("READY") == "1" and not self.child.is_ready:
            self.child.is_ready = True
            self._mailbox.post("ready", True)

    def look(self) -> None:
        """At what the node does, and at whether anybody wants to know."""
        now, child = time.monotonic(), self.child
        limits.enforce_stall([child])
        limits.enforce_memory([child], limits.memory_of)
        if not child.crime and now > self._mailbox.asked_at + LEASE:
            child.kill_for(f"{self._address} was not asked for {LEASE:g} s, so it is cut off")
        if now > child.dies_at:
            child.kill()
        if now >= self._looks_at:
            self._looks_at = now + LOOK
            self._run.touch()
            self._show_books()
            limits.enforce_memory([child], limits.memory_by_family)
        if now >= self._uses_at:
            self._uses_at = now + USE
            self._show_use(now)
        self._show_mark()

    def signal(self, number: int) -> None:
        for one in (number, signal.SIGCONT):  # a stopped process would not hear it
            with suppress(ProcessLookupError):  # it has just ended
                signal.pidfd_send_signal(self.child.pidfd, one)

    def kill(self) -> None:
        """And wait until it is dead."""
        self.child.kill()
        os.waitid(os.P_PIDFD, self.child.pidfd, os.WEXITED | os.WNOWAIT)

    def bury(self) -> None:
        """Clear up after a node that has died, and tell what it has left."""
        code = self.child.bury()
        self.log.close()
        janitor.kill(f"ZG_RUN={self._run.id}")  # who has left its session, and its parents
        self._show_books()
        self._show_mark()
        self._mailbox.post("hand", self._run.held())
        self._mailbox.post("exit", code)

    def _show_books(self) -> None:
        self._show("books", self._run.books(self._replica).read_bytes)

    def _show_use(self, now: float) -> None:
        """What of the machine it takes."""
        pid = self.child.pid
        self._use.look(now, [pid])
        memory, cpu, starved = self._use.memory(pid), self._use.cores(pid), self._use.starved(pid)
        self._tell("use", {"memory": memory, "cpu": round(cpu, 2), "starved": round(starved, 2)})

    def _show_mark(self) -> None:
        if not self._told["mark"]:
            self._show("mark", self._run.mark(self._replica).read_text)

    def _show(self, kind: str, read: Callable[[], Any]) -> None:
        with suppress(FileNotFoundError):  # it is not there yet
            self._tell(kind, read())

    def _tell(self, kind: str, value: Any) -> None:
        if value and value != self._told[kind]:
            self._told[kind] = value
            self._mailbox.post(kind, value)
