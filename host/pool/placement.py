"""One replica's place in the cluster: its actor, from before its first life until it is let go."""

from __future__ import annotations

import asyncio
import base64
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from host.pool.cluster import Cluster, answer, told
from host.pool.order import Order

Say = Callable[[str, Any], None]  # to the stand-in: the kind of news, and what it is

PACE = 0.5  # seconds between two looks at what Ray does
SILENCE = 15.0  # seconds without an answer after which a machine is cut off; it has ended the node by then (LEASE)
GOODBYE = 2.0  # seconds in which an actor has cleared up
LOST = 1  # the exit code of a stand-in whose machine is gone


class Lost(Exception):
    """Raised when the node's life is over because what it ran on is."""


class Placement:
    """All lives of the replica use the same actor, for as long as Ray keeps that."""

    def __init__(self, run_id: str, folder: str | None) -> None:
        """`folder`: where the graph's is on every machine; None: it was sent."""
        self._run_id, self._folder = run_id, folder
        self.lock = asyncio.Lock()  # held by the life that there is
        self.is_asked = self.has_ended = False  # asked to go; and whether no life is to come
        self._parting: asyncio.TimerHandle | None = None
        self._actor: Any = None
        self._cluster: Cluster | None = None
        self._resources: Mapping[str, Any] = {}  # what it was given
        self._machine: dict[str, str] = {}  # where it is; empty until that is known
        self._node = ""  # Ray's id of the machine of the last life
        self._heard = 0  # the number of the last news of this incarnation
        self._lives = self._tellings = 0
        self._ended: tuple[list[str], list[str]] = ([], [])  # its pushers, and those of them that have ended by now
        self._since = time.time()
        self._death = ""  # of its machine, in words, for the next life to report

    async def live(self, cluster: Awaitable[Cluster], order: Mapping[str, Any], past: dict[str, Any], say: Say) -> int:
        """Lead one life, and tell of it; its exit code, -N for signal N."""
        self.is_asked, self.has_ended, self._lives = False, False, self._lives + 1
        self._note_ended(order["pushers"], past.pop("ended"))
        try:
            self._cluster = await cluster
            await self._find_machine(Order.of(order), say)
            await self._begin(order, past, say)
            return await self._follow(say)
        except Lost as loss:
            say("line", str(loss))
            self._death = str(loss)
            return LOST
        except asyncio.CancelledError:  # nobody waits for it any longer, even if it is just being begun
            self.signal(signal.SIGKILL)
            raise
        finally:
            self.is_running = False

    def keep(self, seconds: float = 0.0, part: Callable[[], None] | None = None) -> None:
        """Keep the actor until further notice, or for so many seconds only: then it is to `part`."""
        if self._parting:
            self._parting.cancel()
        self._parting = asyncio.get_running_loop().call_later(seconds, part) if part else None

    @property
    def is_running(self) -> bool:
        return self._cluster is not None and self in self._cluster.given

    @is_running.setter
    def is_running(self, is_so: bool) -> None:
        if self._cluster and is_so:
            self._cluster.given[self] = self._resources
        elif self._cluster:
            self._cluster.given.pop(self, None)

    def signal(self, number: int) -> None:
        if self._actor is not None:
            self._actor.signal.remote(self._lives, number)

    def tell(self, pushers: list[str], ended: list[str]) -> None:
        """Those of `pushers` have ended by now. As long as it has no machine this is kept for its beginning."""
        self._note_ended(pushers, ended)
        if self._machine:
            self._pass_on_ended()

    def _note_ended(self, pushers: list[str], ended: list[str]) -> None:
        self._ended, self._tellings = (pushers, ended), self._tellings + 1

    def _pass_on_ended(self) -> None:
        self._actor.tell.remote(self._tellings, *self._ended)

    def let_go(self) -> Coroutine[Any, Any, None]:
        """From now on it has no actor; what is returned has that clear up, and gives back what it holds."""
        actor, self._actor = self._actor, None
        is_there, self._machine = bool(self._machine), {}
        return self._dismiss(actor, is_there)

    async def _dismiss(self, actor: Any, is_there: bool) -> None:
        if actor is None or self._cluster is None:
            return
        if is_there:
            with suppress(self._cluster.lost, asyncio.TimeoutError):  # gone, or cut off: then it clears up by itself
                await asyncio.wait_for(answer(actor.close.remote()), GOODBYE)
        await asyncio.to_thread(self._cluster.let_go, actor)

    async def _cut_off(self) -> NoReturn:
        """Let go of a machine that does not answer. Raises Lost."""
        address = self._machine["address"]
        await self.let_go()
        raise Lost(f"its machine {address} has not answered for {SILENCE:.0f} s") from None

    async def _find_machine(self, order: Order, say: Say) -> None:
        """Wait until Ray has started the actor, somewhere."""
        assert self._cluster
        before, because = self._machine, ""
        if self._actor is not None and self._resources != order.resources:
            await self.let_go()
        self._since = time.time()
        while True:
            asked = asyncio.ensure_future(self._ask(order))
            try:
                while not (await asyncio.wait({asked}, timeout=PACE))[0]:
                    self._show(say, "pending", f"{self._cluster.why(order.resources)}{because}")
                self._machine = asked.result()
            except self._cluster.unavailable as error:
                because = f" ({told(error)})"
                self._show(say, "pending", f"{self._cluster.why(order.resources)}{because}")
                await asyncio.sleep(PACE)
            except self._cluster.lost as error:
                self._actor = None
                raise Lost(f"Ray cannot start it: {told(error)}") from None
            else:
                break
            finally:
                asked.cancel()
        if self._machine.get("incarnation") != before.get("incarnation"):
            self._heard = 0
        if self._machine["node"] != self._node:
            say("line", f"runs on {self._machine['address']}")

    async def _ask(self, order: Order) -> dict[str, str]:
        """Where its actor is, once Ray has started it. What is asked of a head that is silent waits in a thread."""
        assert self._cluster
        if self._actor is None:
            self._resources = order.resources
            self._actor = await asyncio.to_thread(self._cluster.actor, self._run_id, order.replica, order.resources)
        machine: dict[str, str] = await answer(self._actor.machine.remote())
        return machine

    async def _begin(self, order: Mapping[str, Any], past: dict[str, Any], say: Say) -> None:
        assert self._cluster
        past |= {"books": _bytes(past["books"]), "hand": _bytes(past["hand"])}
        past["is_whole"] = past["hand"] is not None
        if not past["is_whole"]:
            past["hand"] = await self._hand(order["replica"])
        if self._death:
            past["death"], self._death = self._death, ""
        past |= {"telling": self._tellings, "ended": self._ended[1]}
        begun = self._actor.begin.remote(self._lives, order, past, self._folder)
        try:
            await asyncio.wait_for(answer(begun), SILENCE)
        except asyncio.TimeoutError:
            await self._cut_off()
        except self._cluster.lost as error:
            loss = await self._cluster.loss(self._machine, error)
            if not isinstance(error, self._cluster.unavailable):  # this actor never will: another one may
                await self.let_go()
            raise Lost(loss) from None
        self._show(say, "running", "")
        self._node, self.is_running = self._machine["node"], True

    async def _hand(self, replica: str) -> bytes | None:
        """What the last life held, as it could not tell, if on another machine; None: what is there is its own."""
        assert self._cluster
        if self._node == self._machine["node"]:
            return None
        return await self._cluster.left_on(self._node, self._run_id, replica) if self._node else b""

    async def _follow(self, say: Say) -> int:
        """Pass on what the actor tells of this life."""
        assert self._cluster
        has_begun, is_known = False, False
        while True:
            try:
                incarnation, news = await asyncio.wait_for(answer(self._actor.hear.remote(self._heard)), SILENCE)
            except asyncio.TimeoutError:
                return await self._cut_off()
            except self._cluster.unavailable as error:  # for a moment, or until Ray has started it elsewhere
                self.is_running = is_known = False  # who is asked to go now need not wait for it
                self._death = await self._cluster.loss(self._machine, error)
                self._show(say, "pending", self._death)
                if self.is_asked:
                    raise Lost(self._death) from None
                await asyncio.sleep(PACE)
                continue
            except self._cluster.lost as error:
                loss, self._actor, self._machine = await self._cluster.loss(self._machine, error), None, {}
                raise Lost(loss) from None
            if incarnation != self._machine["incarnation"]:
                raise Lost(await self._cluster.loss(self._machine))
            if not is_known:
                self._show(say, "running", "")
                self._death, is_known, self.is_running = "", True, True
                self._pass_on_ended()  # what was told meanwhile may be lost
            for number, kind, value in news:
                self._heard = number
                has_begun = has_begun or (kind, value) == ("started", self._lives)
                if has_begun and kind == "exit":
                    return int(value)
                if has_begun:
                    self._pass_on(say, kind, value)

    def _pass_on(self, say: Say, kind: str, value: Any) -> None:
        if kind == "mark":
            self.has_ended = True
        if kind in ("line", "notice", "mark"):
            say(kind, value)
        elif kind in ("books", "hand"):
            say(kind, None if value is None else base64.b64encode(value).decode())
        elif kind == "use":
            self._show(say, "running", "", **value)

    def _show(self, say: Say, state: str, why: str, **use: float) -> None:
        address = self._machine.get("address", "") if state == "running" else ""
        say("place", {"state": state, "why": why, "machine": address, "since": self._since, **use})


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def waiting(say: Say) -> Callable[[str], None]:
    """What shows why a replica waits for the cluster itself."""
    return partial(_wait, say, time.time())


def _wait(say: Say, since: float, why: str) -> None:
    say("place", {"state": "pending", "why": why, "machine": "", "since": since})
