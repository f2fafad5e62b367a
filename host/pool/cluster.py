"""The Ray cluster of a pool: only what is Ray's public interface, and nothing beyond what `pip install ray` brings."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from host.pool import reasons
from host.pool.actor import Actor
from host.pool.folder import inherit

FIRST, TRIED = "2.49", "2.60"  # the versions of Ray with which the tests have passed, and all between
AT_ONCE = 8  # calls that an actor takes at a time: one of them waits for news
ALWAYS = -1  # as often as need be
LENGTH = 300  # characters of Ray's own words that are said
KNOCK = 3.0  # seconds for somebody to answer where the cluster is said to be
LOOK = 1.0  # seconds between two looks at what the cluster has
QUIET = 4.0  # seconds without an answer after which its head is said not to answer
PADDING = re.compile(  # what Ray says beyond what has happened
    r"The actor (?:[0-9a-f]+|None) is unavailable: |\.? The task may or may not have been executed on the actor\.?"
    r"|^\s*(?:class_name|actor_id|pid|name|namespace|ip): .*$| RPC Error details:\s*$",
    re.MULTILINE,
)
PATIENCE = 10.0  # seconds for what another machine has left: Ray may have to start a process there


class NoCluster(Exception):
    """Raised when there is none to be had; the words say why, and the cure."""


class Cluster:
    """One driver's view of it."""

    def __init__(self, address: str, runtime_env: Mapping[str, Any], namespace: str) -> None:
        """Connects, which may take seconds. Raises NoCluster."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            self._ray = importlib.import_module("ray")
        except ImportError as error:
            cure = f"Install it where this launcher runs: pip install 'ray>={FIRST}' (tried up to {TRIED})"
            raise NoCluster(f"Ray cannot be imported: {error}. {cure}") from None
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        try:
            _knock(address)
            self._ray.init(
                address=address,
                namespace=namespace,
                runtime_env=dict(runtime_env),
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=None,
            )
        except (ConnectionError, socket.gaierror, TimeoutError) as error:
            there = "on this machine" if address == "auto" else f"at {address}"
            cure = (
                "Start one with: ray start --head" if address == "auto" else "Start it, or correct `ray` in the graph"
            )
            raise NoCluster(f"there is no Ray cluster {there} ({told(error)}). {cure}") from None
        except Exception as error:  # of Ray's many kinds: a version that differs, a package that is too large
            self._ray.shutdown()
            raise NoCluster(told(error)) from None
        self.lost = self._ray.exceptions.RayError  # what calls raise
        self.unavailable = self._ray.exceptions.ActorUnavailableError  # … for now
        self.given: dict[object, Mapping[str, Any]] = {}  # who runs -> what it takes
        self._address = address
        self._look()
        self._actors, self._inherit = self._ray.remote(Actor), self._ray.remote(inherit)

    def actor(self, run_id: str, replica: str, resources: Mapping[str, Any]) -> Any:
        """An actor for `replica`, which Ray starts as soon as a machine has what it takes."""
        options = {"num_cpus": 1, **resources}
        return self._actors.options(max_restarts=ALWAYS, max_concurrency=AT_ONCE, **options).remote(run_id, replica)

    def let_go(self, actor: Any) -> None:
        """What it holds is free for others."""
        self._ray.kill(actor, no_restart=True)

    @property
    def silence(self) -> float:
        """For how many seconds its head has not answered."""
        return time.monotonic() - self._answered_at

    async def watch(self) -> NoReturn:
        """Look at what it has, again and again; an answer may take for ever."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(LOOK)

    def _look(self) -> None:
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        self._machines, self._alive = [node["Resources"] for node in alive], {node["NodeID"] for node in alive}
        self._free = self._ray.available_resources()
        self._answered_at = time.monotonic()

    def why(self, resources: Mapping[str, Any]) -> str:
        """Why a replica that takes `resources` has no machine yet."""
        if self.silence > QUIET:
            return f"the cluster's head ({self._address}) does not answer"
        return reasons.why(resources, self._machines, self._free, [*self.given.values()])

    def is_alive(self, node: str) -> bool:
        """Whether Ray takes the machine `node` for alive; it needs some seconds to see that one is not."""
        return node in self._alive

    async def loss(self, machine: Mapping[str, str], error: BaseException | None = None) -> str:
        """What has become of an actor on `machine`, in words; `error`: of Ray's, None where it has begun again by now.

        Ray knows of a machine's death at the latest when it has started the actor on another one.
        """
        address = machine["address"]
        with suppress(asyncio.TimeoutError):  # then what was seen last counts
            await asyncio.wait_for(asyncio.to_thread(self._look), QUIET)
        if not self.is_alive(machine["node"]):
            return f"its machine {address} is lost"
        if error is None:
            return f"Ray's worker on {address} died; Ray starts it again"
        if isinstance(error, self.unavailable):
            return f"Ray's worker on {address} died, or the machine is cut off: {told(error)}"
        return f"Ray's worker on {address} is gone: {told(error)}"

    async def left_on(self, node: str, run_id: str, replica: str) -> bytes:
        """What the last life of `replica` held when it died on the machine `node`; nothing if that is gone."""
        try:
            return await asyncio.wait_for(self._left_on(node, run_id, replica), PATIENCE)
        except (self.lost, asyncio.TimeoutError):
            return b""

    async def _left_on(self, node: str, run_id: str, replica: str) -> bytes:
        asked = await asyncio.to_thread(self._ask_for, node, run_id, replica)
        return b"" if asked is None else bytes(await answer(asked))

    def _ask_for(self, node: str, run_id: str, replica: str) -> Any:
        """Have Ray call `inherit` on the machine `node`; None if that is gone. Waits for Ray's head."""
        if not self.is_alive(node):
            return None
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node, soft=False)
        return self._inherit.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(run_id, replica, node)

    def close(self) -> None:
        self._ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself would try for a minute. Raises OSError if nobody is there."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), KNOCK).close()


async def answer(reference: Any) -> Any:
    """What a call returns. Raises what it raised, or RayError."""
    return await reference


def told(error: BaseException) -> str:
    """Ray's own words, or those of what was raised on the machine, in one line that is not too long."""
    line = " ".join(PADDING.sub(" ", str(getattr(error, "cause", None) or error)).split()) or type(error).__name__
    return line if len(line) <= LENGTH else f"{line[:LENGTH]} …"
