"""The actor: one replica on the machine that Ray has given it. A plain object, whose methods Ray calls from outside.

One thread of its own leads the node's life. It lives as long as the actor, because the kernel sends PR_SET_PDEATHSIG
(bus/program.py) when the *thread* that started a process ends, and those in which Ray calls methods come and go.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from host import janitor, limits
from host.child import Child
from host.command import Process
from host.graph import Node
from host.notices import Notices
from host.pool.apart import start_apart
from host.pool.folder import Folder
from host.pool.mailbox import Mailbox, News
from host.pool.order import Order
from host.rounds import SHORT_OF
from host.runfolder import Refused

LEASE = 10.0  # seconds without being asked after which it is cut off, and ends the node: another one takes its place
TURN = limits.GLANCE  # seconds between two looks at a node that runs
LOOK = 0.5  # seconds between two looks at its books
MISSING, OS_ERROR = 2, 71  # exit codes: as for a child of the launcher's
PASSING = 1  # … of a death that another machine, or a later time, may do without
OF_RAY = ("RAY_", "SPT_NOENV")  # how variables begin that Ray tells a worker of itself alone
DEBUGGER = "PYTHONBREAKPOINT"  # likewise


class Actor:
    """Times are those of time.monotonic(), in seconds."""

    def __init__(self, run_id: str, replica: str, node: str = "", address: str = "") -> None:
        """`node`: Ray's id of the machine. Without it Ray is asked, and what it has set for its workers is undone."""
        if not node:
            node, address = _under_ray()
        self._run_id, self._replica, self._node, self._address = run_id, replica, node, address
        self._mailbox = Mailbox()
        self._failure = ""  # of its thread, in words: then it is of no use
        self._selector = selectors.DefaultSelector()
        self._deeds: deque[Callable[[], None]] = deque()
        self._waking, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._do)
        self._folder: Folder | None = None
        self._child: Child | None = None
        self._is_over = False
        self._incarnation = os.urandom(6).hex()
        self._thread = threading.Thread(target=self._live, name="life", daemon=True)
        self._thread.start()

    # What is asked of it, in any thread

    def machine(self) -> dict[str, str]:
        return {"incarnation": self._incarnation, "node": self._node, "address": self._address}

    def begin(self, life: str, order: Mapping[str, Any], past: Mapping[str, Any], folder: str | None) -> None:
        """Begin `life`; one that is not over is ended before. Its news are those from `started` on.

        `past`: what there is of earlier lives, see Folder.recover, and `ended`, see `tell`. `folder`: where that of the
        graph is on this machine; None: it was sent.
        """
        self._later(partial(self._begin, life, Order.of(order), dict(past), Path(folder or Path.cwd())))

    def hear(self, after: int) -> tuple[str, News]:
        """Which incarnation this is, and its news, once there are some: see Mailbox.ask."""
        if self._failure:
            raise RuntimeError(self._failure)
        return self._incarnation, self._mailbox.ask(after)

    def signal(self, number: int) -> None:
        self._later(partial(self._signal, number))

    def tell(self, pushers: list[str], ended: list[str]) -> None:
        """Those of `pushers` have ended, and no others."""
        self._later(partial(self._tell, pushers, ended))

    def close(self, keep: bool = False) -> None:
        """End what runs, and leave nothing behind; what the next actor here is to know stays if it is to be kept."""
        self._later(partial(self._close, keep))
        self._thread.join()

    def _later(self, deed: Callable[[], None]) -> None:
        self._deeds.append(deed)
        self._waking.send(b"\0")

    # Its own thread

    def _live(self) -> None:
        try:
            self._serve()
        except Exception:  # whoever asks next hears it, and lets this actor go
            self._failure = traceback.format_exc(-1)
            self._mailbox.post("line", self._failure)
            self._mailbox.post("exit", PASSING)

    def _serve(self) -> None:
        while not self._is_over:
            for key, _ in self._selector.select(TURN if self._child else None):
                key.data()
            if self._child:
                self._look()

    def _do(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        while self._deeds:
            self._deeds.popleft()()

    def _begin(self, life: str, order: Order, past: dict[str, Any], graph: Path) -> None:
        self._end()
        self._mailbox.post("started", life)
        try:
            if not graph.is_dir():
                raise Refused(f"the graph's folder {graph} is not on this machine")
            run = self._folder = self._folder or self._open()
            key = order.private_key()
            ended = past.pop("ended")
            run.recover(**past)
            self._tell(list(order.pushers), ended)
        except (Refused, OSError) as error:
            self._fail(f"{error}", PASSING)
            return
        words = [f"--run={run.path}", *([f"--key={key}"] if key else [])]
        argv = (*([sys.executable] if order.is_module else []), *order.argv, *words)
        made_by = {"run": order.argv[1]} if order.is_module else {"command": order.argv}
        node = Node(order.replica, line=0, stall=order.stall, memory=order.memory, **made_by)
        child = Child(Process(order.replica, order.replica, node, argv, order.env), graph, run, self._say)
        try:
            log = child.start()
        except OSError as error:
            code = OS_ERROR if error.errno in SHORT_OF else MISSING
            self._fail(f"{argv[0]} cannot be started in {graph}: {error.strerror}", code)
            return
        self._child, self._log, self._looks_at = child, log, 0.0
        self._told = {"books": b"", "mark": "", "notice": ""}
        self._mailbox.asked_at = time.monotonic()
        self._selector.register(log, selectors.EVENT_READ, self._read)
        self._selector.register(child.pidfd, selectors.EVENT_READ, self._bury)

    def _open(self) -> Folder:
        run = Folder(self._run_id, self._replica, self._node)
        self._janitor = start_apart(run.id)
        self._notices = Notices(run.notify)
        self._selector.register(self._notices, selectors.EVENT_READ, self._hear_notices)
        return run

    def _fail(self, words: str, code: int) -> None:
        self._say(self._replica, f"{self._address}: {words}")
        self._mailbox.post("exit", code)

    def _say(self, who: str, words: str) -> None:
        self._mailbox.post("line", words)

    def _read(self) -> None:
        if not self._log.read():
            self._selector.unregister(self._log)

    def _hear_notices(self) -> None:
        for notice in self._notices.read():
            if self._child and notice.session == self._child.pid:
                self._tell_once("notice", "\n".join(f"{name}={value}" for name, value in notice.fields.items()))
                if notice.fields.get("READY") == "1" and not self._child.is_ready:
                    self._child.is_ready = True
                    self._mailbox.post("ready", True)

    def _tell_once(self, kind: str, value: Any) -> None:
        if value and value != self._told[kind]:
            self._told[kind] = value
            self._mailbox.post(kind, value)

    def _look(self) -> None:
        """At what the node does, and at whether anybody wants to know."""
        assert self._child and self._folder
        now, child = time.monotonic(), self._child
        limits.enforce_stall([child])
        limits.enforce_memory([child], limits.memory_of)
        if not child.crime and now > self._mailbox.asked_at + LEASE:
            child.kill_for(f"{self._address} was not asked for {LEASE:.0f} s, so it is cut off")
        if now > child.dies_at:
            child.kill()
        if now >= self._looks_at:
            self._looks_at = now + LOOK
            self._folder.touch()
            self._show_books()
            with suppress(OSError):
                limits.enforce_memory([child], limits.memory_by_family)
        self._show_mark()

    def _show_books(self) -> None:
        assert self._folder
        with suppress(FileNotFoundError):
            self._tell_once("books", self._folder.books(self._replica).read_bytes())

    def _show_mark(self) -> None:
        assert self._folder
        if not self._told["mark"]:
            with suppress(FileNotFoundError):
                self._tell_once("mark", self._folder.mark(self._replica).read_text())

    def _bury(self) -> None:
        """Clear up after a node that has died, and tell what it has left."""
        assert self._child and self._folder
        child, self._child = self._child, None
        self._selector.unregister(child.pidfd)
        with suppress(KeyError):  # nobody could print there any more
            self._selector.unregister(self._log)
        code = child.bury()
        self._log.close()
        janitor.kill(f"ZG_RUN={self._folder.id}")  # who has left its session, and its parents
        self._show_books()
        self._show_mark()
        self._mailbox.post("exit", code)

    def _signal(self, number: int) -> None:
        if self._child:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._child.pidfd, number)
                signal.pidfd_send_signal(self._child.pidfd, signal.SIGCONT)  # a stopped one would not hear it

    def _tell(self, pushers: list[str], ended: list[str]) -> None:
        if self._folder:
            for pusher in pushers:
                (self._folder.tell_ended if pusher in ended else self._folder.untell_ended)(self._replica, pusher)

    def _end(self) -> None:
        """Kill what runs, and bury it."""
        if self._child:
            self._child.kill()
            os.waitid(os.P_PIDFD, self._child.pidfd, os.WEXITED | os.WNOWAIT)
            self._bury()

    def _close(self, keep: bool) -> None:
        self._end()
        self._is_over = True
        if self._folder:
            self._selector.unregister(self._notices)
            self._notices.close()
            self._janitor.close()  # sets it to work, and it finds nobody
            self._folder.release(keep=keep)


def _under_ray() -> tuple[str, str]:
    """Ray's id of this machine, and its address."""
    import ray
    from ray.util import get_node_ip_address

    for name in [name for name in os.environ if name.startswith(OF_RAY)]:
        del os.environ[name]
    if os.environ.get(DEBUGGER, "").startswith("ray."):
        del os.environ[DEBUGGER]
    return ray.get_runtime_context().get_node_id(), get_node_ip_address()
