"""The Ray cluster of a pool: only what is Ray's public interface, and nothing beyond what `pip install ray` brings."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import socket
import time
from collections.abc import Mapping
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
        self._machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self._free = self._ray.available_resources()
        self._answered_at = time.monotonic()

    def why(self, resources: Mapping[str, Any]) -> str:
        """Why a replica that takes `resources` has no machine yet."""
        needs = reasons.wanted(resources)
        if self.silence > QUIET:
            return f"it needs {reasons.words(needs)}, and the cluster's head ({self._address}) does not answer"
        return reasons.why(needs, self._machines, self._free)

    async def left_on(self, node: str, run_id: str, replica: str) -> bytes:
        """What the last life of `replica` held when it died on the machine `node`; nothing if that is gone."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if node not in [one["NodeID"] for one in self._ray.nodes() if one["Alive"]]:
            return b""
        there = self._inherit.options(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        )
        try:
            return bytes(await asyncio.wait_for(answer(there.remote(run_id, replica, node)), PATIENCE))
        except (self.lost, asyncio.TimeoutError):
            return b""

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
    line = " ".join(str(getattr(error, "cause", None) or error).split()) or type(error).__name__
    return line if len(line) <= LENGTH else f"{line[:LENGTH]} …"
