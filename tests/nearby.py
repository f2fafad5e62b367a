"""A cluster without Ray, for one replica's placement: its only machine is this process, with room once it is told."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from host.pool import folder
from host.pool.actor import Actor


class Lost(Exception):
    """Raised where Ray says that an actor is gone."""


class Unavailable(Lost):
    """Likewise, for now."""


class Nearby:
    """What host/pool/placement.py needs of a cluster; the actors are real ones, and so are their nodes."""

    lost, unavailable = Lost, Unavailable

    def __init__(self, machine: str = "machine1") -> None:
        self.machine = machine  # of the actors to come
        self.has_room = asyncio.Event()
        self.given: dict[object, Mapping[str, Any]] = {}

    def actor(self, run_id: str, replica: str, resources: Mapping[str, Any]) -> "Handle":
        return Handle(self, run_id, replica)

    def why(self, resources: Mapping[str, Any]) -> str:
        return "the cluster is full"

    async def loss(self, machine: Mapping[str, str], error: BaseException | None = None) -> str:
        return f"its machine {machine['address']} is lost: {error}"

    async def left_on(self, node: str, run_id: str, replica: str) -> bytes:
        return await asyncio.to_thread(folder.inherit, run_id, replica, node)

    def let_go(self, actor: "Handle") -> None:
        actor.is_gone = True


class Handle:
    """An actor as who calls it has it. Calls wait until there is room, and come in any order then."""

    def __init__(self, cluster: Nearby, run_id: str, replica: str) -> None:
        self.cluster, self.is_gone = cluster, False
        self._words = run_id, replica
        self._actor: Actor | None = None

    def __getattr__(self, method: str) -> "Method":
        return Method(self, method)

    def real(self) -> Actor:
        self._actor = self._actor or Actor(*self._words, self.cluster.machine, "10.0.0.9")
        return self._actor


class Method:
    """One that is called from outside."""

    def __init__(self, handle: Handle, name: str) -> None:
        self._handle, self._name = handle, name

    def remote(self, *given: Any) -> "asyncio.Task[Any]":
        return asyncio.ensure_future(self._call(given))

    async def _call(self, given: tuple[Any, ...]) -> Any:
        await self._handle.cluster.has_room.wait()
        if self._handle.is_gone:
            raise Lost("it was let go")
        method: Callable[..., Any] = getattr(self._handle.real(), self._name)
        return await asyncio.to_thread(method, *given)
