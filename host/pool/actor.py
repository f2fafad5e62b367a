"""The actor: one replica on the machine that Ray has given it. A plain object, whose methods Ray calls from outside.

One thread of its own leads the node's lives. It lives as long as the actor, because the kernel sends PR_SET_PDEATHSIG
(bus/program.py) when the *thread* that started a process ends, and those in which Ray calls methods come and go.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from host.command import Process
from host.graph import Node
from host.limits import GLANCE
from host.notices import Notices
from host.pool.apart import start_apart
from host.pool.folder import Folder
from host.pool.life import Life
from host.pool.mailbox import Mailbox, News
from host.pool.order import Order
from host.rounds import SHORT_OF
from host.runfolder import Refused

AGAIN = 1.0  # seconds after which a node is told again who has ended
TURN = GLANCE  # seconds between two looks at a node that runs
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
        self._life: Life | None = None
        self._name = 0  # of the life that was begun last
        self._early = (0, 0)  # a life that is not begun yet, and the signal that it is to have
        self._ended: tuple[int, list[str]] = (0, [])  # the latest telling, and the pushers that have ended
        self._tells_at = 0.0  # when they are told of again
        self._is_over = False
        self._incarnation = os.urandom(6).hex()
        self._thread = threading.Thread(target=self._live, name="life", daemon=True)
        self._thread.start()

    # What is asked of it, in any thread

    def machine(self) -> dict[str, str]:
        return {"incarnation": self._incarnation, "node": self._node, "address": self._address}

    def begin(self, life: int, order: Mapping[str, Any], past: Mapping[str, Any], folder: str | None) -> None:
        """Begin `life`; one that is not over is ended before. Its news are those from `started` on.

        Lives are counted, and so are tellings: what is asked at about the same time may come here in any order.
        `past`: what there is of earlier lives, see Folder.recover, with `telling` and `ended`, see `tell`. `folder`:
        where that of the graph is on this machine; None: it was sent. Raises Refused if what was sent has gone.
        """
        try:
            graph = Path(folder or Path.cwd())
        except FileNotFoundError:
            raise Refused("the code that Ray has brought to this machine is there no longer") from None
        self._later(partial(self._begin, life, Order.of(order), dict(past), graph))

    def hear(self, after: int) -> tuple[str, News]:
        """Which incarnation this is, and its news, once there are some: see Mailbox.ask."""
        if self._failure:
            raise RuntimeError(self._failure)
        return self._incarnation, self._mailbox.ask(after)

    def signal(self, life: int, number: int) -> None:
        """Send it to the node of `life`. One that is not begun yet is over as if it had ended by it."""
        self._later(partial(self._signal, life, number))

    def tell(self, telling: int, pushers: list[str], ended: list[str]) -> None:
        """Those of `pushers` have ended, and no others, unless a later telling says otherwise."""
        self._later(partial(self._tell, telling, pushers, ended))

    def close(self, keep: bool = False) -> None:
        """End what runs, and leave nothing behind; what the next actor here is to know stays if it is to be kept."""
        if not self._is_over:
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
            for key, _ in self._selector.select(TURN if self._life else None):
                if not self._is_over:
                    key.data()
            if self._life:
                self._life.look()
                self._tell_again()

    def _do(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        while self._deeds:
            self._deeds.popleft()()

    def _begin(self, name: int, order: Order, past: dict[str, Any], graph: Path) -> None:
        self._end()
        self._name = name
        self._mailbox.post("started", name)
        if self._early[0] == name:
            self._mailbox.post("exit", -self._early[1])
            return
        try:
            if not graph.is_dir():
                raise Refused(f"the graph's folder {graph} is not on this machine")
            run = self._folder = self._folder or self._open()
            key = order.private_key()
            self._ended = max(self._ended, (past.pop("telling"), past.pop("ended")))
            run.recover(**past)
            self._mark(run, order.pushers)
        except (Refused, OSError) as error:
            self._fail(f"{error}", PASSING)
            return
        argv = (*order.command, f"--run={run.path}", *([f"--key={key}"] if key else []))
        node = Node(order.replica, line=0, stall=order.stall, memory=order.memory)
        process = Process(order.replica, order.replica, node, argv, order.env)
        try:
            self._life = Life(process, graph, run, self._mailbox, self._address)
        except OSError as error:
            code = OS_ERROR if error.errno in SHORT_OF else MISSING
            self._fail(f"{argv[0]} cannot be started in {graph}: {error.strerror}", code)
            return
        self._selector.register(self._life.log, selectors.EVENT_READ, self._read)
        self._selector.register(self._life.child.pidfd, selectors.EVENT_READ, self._bury)

    def _open(self) -> Folder:
        """Raises Refused, OSError."""
        run = Folder(self._run_id, self._replica, self._node)
        try:
            self._notices = Notices(run.notify)
            self._janitor = start_apart(run.id, run.path)
        except OSError:
            run.release(keep=True)
            raise
        self._selector.register(self._notices, selectors.EVENT_READ, self._hear_notices)
        return run

    def _fail(self, words: str, code: int) -> None:
        self._mailbox.post("line", f"{self._address}: {words}")
        self._mailbox.post("exit", code)

    def _read(self) -> None:
        if self._life and not self._life.log.read():  # nobody can print there any more
            self._selector.unregister(self._life.log)

    def _hear_notices(self) -> None:
        for notice in self._notices.read():
            if self._life:
                self._life.hear(notice)

    def _bury(self) -> None:
        if not self._life:
            return
        life, self._life = self._life, None
        for source in (life.child.pidfd, life.log):
            with suppress(KeyError):
                self._selector.unregister(source)
        life.bury()

    def _signal(self, life: int, number: int) -> None:
        if life > self._name:
            self._early = (life, number)
        elif life == self._name and self._life:
            self._life.signal(number)

    def _tell(self, telling: int, pushers: list[str], ended: list[str]) -> None:
        if telling <= self._ended[0]:
            return
        self._ended = (telling, ended)
        if self._folder:
            self._mark(self._folder, pushers)

    def _mark(self, run: Folder, pushers: Sequence[str]) -> None:
        for pusher in pushers:
            (run.tell_ended if pusher in self._ended[1] else run.untell_ended)(self._replica, pusher)

    def _tell_again(self) -> None:
        """As long as a pusher's last words are fresh, the node takes it back that it has ended (bus/pusher.py)."""
        if self._folder and time.monotonic() >= self._tells_at:
            self._tells_at = time.monotonic() + AGAIN
            with suppress(OSError):  # no room: tries again
                self._mark(self._folder, self._ended[1])

    def _end(self) -> None:
        """Kill what runs, and bury it."""
        if self._life:
            self._life.kill()
            self._bury()

    def _close(self, keep: bool) -> None:
        self._end()
        self._is_over = True
        if self._folder:
            self._notices.close()
            self._folder.release(keep=keep)
            self._janitor.close()  # sets it to work, and it finds nobody
        for one in (self._selector, self._waking, self._woken):
            one.close()


def _under_ray() -> tuple[str, str]:
    """Ray's id of this machine, and its address."""
    import ray
    from ray.util import get_node_ip_address

    for name in [name for name in os.environ if name.startswith(OF_RAY)]:
        del os.environ[name]
    if os.environ.get(DEBUGGER, "").startswith("ray."):
        del os.environ[DEBUGGER]
    return str(ray.get_runtime_context().get_node_id()), str(get_node_ip_address())
