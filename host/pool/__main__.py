"""The placer of a pool: asks Ray for a machine for each replica, and tells its stand-in how it is there.

A process that the launcher keeps beside the nodes: `python -m host.pool GRAPH --run=FOLDER --host=POOL`, and overrides.
It is one driver of Ray's, which places, starts and stops; what flows on the wires never comes by here. docs/pool.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from host.beside import go_with_launcher, in_force
from host.companions import GIVES_UP
from host.graph import Graph, GraphError
from host.pool import package
from host.pool.cluster import Cluster, NoCluster
from host.pool.hints import Hints
from host.pool.placement import GOODBYE, Placement, Say, waiting

FIRST_REST, LONGEST_REST = 1.0, 30.0  # seconds between two tries to reach the cluster; doubled with each
KEPT = 60.0  # seconds that an actor waits for the next life after a death
ASKED = 2.0  # … after its node was asked to go: to begin again as the graph says now, or for good
GONE = 20.0  # seconds without an answer of the cluster's head after which it is asked as if for the first time
ANEW = 1  # the exit code then
FAREWELL = GOODBYE + 0.5  # seconds to let go of all actors at the end
LINE = 1 << 20  # bytes of what a stand-in says at most: its order, with books
MOST = 4 << 20  # bytes that wait for a stand-in at most: beyond them what is SPARED goes
SPARED = ("line", "books", "notice")


class Placer:
    """One life of it."""

    def __init__(self, graph: Graph, run: Path, pool: str, out: TextIO) -> None:
        self._is_stopping = asyncio.Event()
        self._is_retired = asyncio.Event()  # another one takes over: no life begins here any longer
        self._run, self._pool, self._out = run, graph.hosts[pool], out
        self._graph = graph
        self._hints = Hints(pool)
        self._placements: dict[str, Placement] = {}
        self._cluster: asyncio.Future[Cluster] = asyncio.get_running_loop().create_future()
        self._why_none = f"the cluster ({self._pool.ray}) is being asked"
        self._lives = set[asyncio.Task[int]]()
        self._visits = set[asyncio.Task[Any]]()  # one for each stand-in that is here
        self._partings = set[asyncio.Task[None]]()

    async def serve(self) -> int:
        """Until a signal comes, or until this cluster is of no use; the exit code."""
        self._hear_signals()
        address = self._run / f"{self._pool.name}.pool"
        address.unlink(missing_ok=True)  # of an earlier life
        server = await asyncio.start_unix_server(self._attend, address, limit=LINE)
        stopping, retiring, clustering = map(
            asyncio.create_task, (self._is_stopping.wait(), self._retire(server), self._use_cluster())
        )
        await asyncio.wait({stopping, retiring, clustering}, return_when=asyncio.FIRST_COMPLETED)
        if clustering.done():
            clustering.result()
            return ANEW
        clustering.cancel()
        server.close()
        for life in self._lives:
            life.cancel()
        for placement in self._placements.values():
            self._part_with(placement)
        if self._partings:
            await asyncio.wait(self._partings, timeout=FAREWELL)
        return 0

    def _hear_signals(self) -> None:
        hearing = asyncio.get_running_loop().add_signal_handler
        hearing(signal.SIGTERM, self._is_stopping.set)
        hearing(signal.SIGINT, self._is_stopping.set)
        hearing(signal.SIGUSR1, self._is_retired.set)

    async def _retire(self, server: asyncio.Server) -> None:
        """Once another one takes over: lead the lives that there are to their ends."""
        await self._is_retired.wait()
        server.close()
        for placement in self._placements.values():
            if not placement.lock.locked():
                self._part_with(placement)
        while self._visits:
            await asyncio.wait(self._visits)

    async def _use_cluster(self) -> None:
        """For as long as there is one: until its head is silent, and nobody runs there whom an end would hurt."""
        cluster = await self._connect()
        watching = asyncio.create_task(cluster.watch())
        while cluster.silence < GONE or any(placement.is_running for placement in self._placements.values()):
            await asyncio.wait({watching}, timeout=FIRST_REST)
            if watching.done():
                watching.result()
        self._say(f"the cluster's head ({self._pool.ray}) has not answered for {GONE:g} s: begins anew")

    async def _connect(self) -> Cluster:
        """Until there is a cluster: there may be one tomorrow."""
        pool, rest = self._pool, FIRST_REST
        env = package.runtime_env(self._graph, pool.name, pool.runtime_env, pool.folder)
        if "working_dir" in env and "excludes" in env:
            size = package.sizes(self._graph.folder, env["excludes"])
            self._say(f"sends {self._graph.folder} to Ray: {size}")
        while True:
            asked = asyncio.ensure_future(asyncio.to_thread(Cluster, str(pool.ray), env, f"zg-{self._run.name}"))
            if not (await asyncio.wait({asked}, timeout=GONE))[0]:
                self._wait_as(
                    f"there is something at {pool.ray}, but no head of Ray's has answered there for {GONE:g} s."
                    " If that lasts, correct `ray` in the graph"
                )
            try:
                cluster = await asked
            except NoCluster as error:
                self._wait_as(str(error))
                await asyncio.sleep(rest)
                rest = min(2 * rest, LONGEST_REST)
            else:
                self._hear_signals()  # which Ray has taken over
                self._cluster.set_result(cluster)
                return cluster

    def _wait_as(self, why: str) -> None:
        if why != self._why_none:
            self._say(why)
        self._why_none = why

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A stand-in has come: see to one life of its replica."""
        if visit := asyncio.current_task():
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)

        def say(kind: str, value: Any) -> None:
            if kind in SPARED and writer.transport.get_write_buffer_size() > MOST:
                return  # a stand-in that is stopped does not read
            if kind == "line" and (hint := self._hints.on(value)):
                self._say(hint)
            writer.write(json.dumps([[kind, value]]).encode() + b"\n")

        try:
            if first := json.loads(await reader.readline() or "null"):
                say("exit", await self._see_to(first.pop("order"), first, reader, say))
                await writer.drain()
        except ConnectionError:
            return  # it was killed, and that is seen to
        finally:
            writer.close()

    async def _see_to(self, order: dict[str, Any], past: dict[str, Any], reader: asyncio.StreamReader, say: Say) -> int:
        """Lead a life of a replica; its exit code, -N for signal N."""
        placement = self._placements.setdefault(order["replica"], Placement(self._run.name, self._pool.folder))
        async with placement.lock:
            placement.keep()
            life = asyncio.create_task(placement.live(self._find_cluster(say), order, past, say))
            self._lives.add(life)
            life.add_done_callback(self._lives.discard)
            hearing = asyncio.create_task(self._hear(reader, placement, order["pushers"]))
            done, left = await asyncio.wait({life, hearing}, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
                await asyncio.wait({task})
            if placement.has_ended or self._is_retired.is_set():
                await placement.let_go()  # before its stand-in ends: then what it held is free
            else:
                placement.keep(ASKED if placement.is_asked else KEPT, partial(self._part_with, placement))
            ended = life if life in done else hearing
            return -signal.SIGKILL if ended.cancelled() else ended.result()  # cancelled: all is to end

    async def _hear(self, reader: asyncio.StreamReader, placement: Placement, pushers: list[str]) -> int:
        """What a stand-in says, as long as it is there, or wants to be; how it goes then, as an exit code."""
        while line := await self._line(reader):
            words = json.loads(line)
            if "ended" in words:
                placement.tell(pushers, words["ended"])
                continue
            placement.is_asked = True
            if not placement.is_running:
                return -int(words["signal"])
            placement.signal(words["signal"])
        placement.signal(signal.SIGKILL)
        return -signal.SIGKILL

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except ConnectionError:
            return b""

    async def _find_cluster(self, say: Say) -> Cluster:
        show, shown = waiting(say), ""
        while not self._cluster.done():
            if shown != self._why_none:
                show(shown := self._why_none)
            await asyncio.wait({self._cluster}, timeout=FIRST_REST)
        return self._cluster.result()

    def _part_with(self, placement: Placement) -> None:
        task = asyncio.create_task(placement.let_go())
        self._partings.add(task)
        task.add_done_callback(self._partings.discard)

    def _say(self, words: str) -> None:
        print(words, file=self._out, flush=True)


async def attend(graph: Graph, run: Path, pool: str, out: TextIO) -> None:
    code = await Placer(graph, run, pool, out).serve()
    os._exit(code)  # a thread of Ray's may still wait for a head that never answers


def main() -> int:
    go_with_launcher()
    os.umask(0o077)
    parser = argparse.ArgumentParser(prog="python -m host.pool", description=__doc__, allow_abbrev=False)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="the run folder of the launcher")
    parser.add_argument("--host", required=True, help="which of the graph's pools this is")
    parser.add_argument("overrides", nargs="*", metavar="node.key=value")
    options = parser.parse_intermixed_args()
    try:
        graph = in_force(options.graph, options.run, options.overrides)
    except GraphError as error:
        print(error)
        return GIVES_UP
    asyncio.run(attend(graph, options.run, options.host, _alone()))
    return 0


def _alone() -> TextIO:
    """What is written here stands in the launcher's log; what Ray prints, pages of it, is in its own logs alone."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    sys.stderr = out
    return out


if __name__ == "__main__":
    sys.exit(main())
