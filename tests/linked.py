"""A graph over three hosts whose launchers talk: a robot that watches, a station that converts, a desk that saves.

The robot and the desk dial the station, and know of each other by way of it.
"""

import json
import os
import signal
import socket
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import zmq

from bus import books, keys
from host import keyring
from host.graph import Graph, load
from host.link.tidings import body, head
from host.view import overview
from tests.conftest import make_clip, until
from tests.launch import ROOT, Launch, processes_in

HOSTS = ("robot", "station", "desk")
LOCAL = "127.0.0.1"
FRAMES = 60


class Linked:
    """The folders of the three, each with its key and a copy of the graph, and their launchers."""

    def __init__(
        self, folder: Path, port: int, address: str = LOCAL, under: dict[str, Sequence[str]] | None = None
    ) -> None:
        """`port`: the first of nine on the station; `under`: with what the launcher of a host is to be started."""
        self.port, self.address, self._under = port, address, under or {}
        self.folders = {name: folder / name for name in HOSTS}
        for place in self.folders.values():
            place.mkdir()
        self.keys = {name: keyring.make(self.folders[name], name) for name in HOSTS}
        make_clip(self.folders["robot"] / "clip.mp4", FRAMES, "160x120")
        for place in self.folders.values():
            (place / "graph.yaml").write_text(json.dumps(self._graph(), indent=1))  # JSON is YAML

    @property
    def link(self) -> int:
        """The port of the station's launcher."""
        return self.port + 8

    def launch(self, host: str, *words: str, env: dict[str, str] | None = None) -> Launch:
        words = (f"--host={host}", *words)
        return Launch(self.folders[host], *words, env=env, under=self._under.get(host, ()))

    def graph(self, host: str) -> Graph:
        return load(self.folders[host] / "graph.yaml")

    def run(self, host: str) -> Path:
        """The run folder of its launcher."""
        path = self.folders[host] / "graph.yaml"
        found = until(lambda: overview.running(path, host), 20, f"a launcher on {host}")
        assert found
        return found

    def sees(self, host: str) -> dict[str, Any]:
        """The whole graph, as the launcher of `host` shows it; empty as long as it shows nothing."""
        path = overview.running(self.folders[host] / "graph.yaml", host)
        try:
            return overview.read(path) if path else {}
        except (OSError, ValueError):
            return {}

    def sees_of(self, host: str, other: str) -> dict[str, Any]:
        """What the launcher of `host` knows of that of `other`."""
        return next((one for one in self.sees(host).get("hosts", ()) if one["name"] == other), {"state": "unknown"})

    def await_sight(self, *pairs: tuple[str, str], state: str = "up", seconds: float = 20) -> None:
        """Wait until one host of each pair sees the other in that state."""

        def states() -> dict[tuple[str, str], str]:
            return {pair: self.sees_of(*pair)["state"] for pair in pairs}

        until(lambda: {*states().values()} == {state}, seconds, f"{state}: {states()}")

    def await_clock(self, host: str, other: str) -> dict[str, Any]:
        """What `host` knows of `other` when it knows its clock."""

        def known() -> dict[str, Any]:
            seen = self.sees_of(host, other)
            return seen if seen.get("offset") is not None else {}

        return until(known, 20, f"the clock of {other}")

    def refused(self, host: str) -> int:
        """How many connections and messages its link has refused."""
        return books.read(self.run(host) / "link.books")["refused"]

    def link_pid(self, host: str) -> int:
        def found() -> int:
            lines = processes_in(ROOT).items()  # where all that runs beside the nodes does
            return next((pid for pid, line in lines if {"host.link", f"--run={self.run(host)}"} <= {*line}), 0)

        return until(found, 20, f"the link of {host}")

    def kill_link(self, host: str) -> None:
        os.kill(self.link_pid(host), signal.SIGKILL)

    @property
    def saved(self) -> list[str]:
        return sorted(path.name for path in (self.folders["desk"] / "saved").glob("*.jpg"))

    @property
    def expected(self) -> list[str]:
        return [f"clip-{number:08d}.jpg" for number in range(FRAMES)]

    def _graph(self) -> dict[str, Any]:
        splitter = {"run": "nodes.splitter", "host": "robot", "push": "streams"}
        watcher = {"run": "nodes.watcher", "host": "robot", "pull": "streams", "push": "frames"}
        converter = {"run": "nodes.converter", "host": "station", "pull": "frames", "push": "small"}
        saver = {"run": "nodes.saver", "host": "desk", "pull": "small", "args": {"folder": "saved"}}
        return {
            "hosts": {
                "robot": {"key": self.keys["robot"]},
                "station": {"key": self.keys["station"], "address": self.address, "port": self.link},
                "desk": {"key": self.keys["desk"]},
            },
            "wires": {
                "frames": {"address": f"tcp://station:{self.port}"},
                "small": {"address": f"tcp://station:{self.port + 4}"},
            },
            "nodes": {
                "splitter": {**splitter, "args": {"source": "clip.mp4", "folder": "spool"}},
                "watcher": {**watcher, "args": {"folder": "spool"}},
                "converter": {**converter, "replicas": 2, "args": {"filter": "invert"}},
                "saver": saver,
            },
        }


class Impostor:
    """Dials the station's launcher with the key of the desk, or another one, and says what a test wants."""

    def __init__(self, linked: Linked, pair: tuple[bytes, bytes] | None = None) -> None:
        self._context = zmq.Context[zmq.Socket[bytes]]()
        self.socket = self._context.socket(zmq.DEALER)
        own = keys.read(linked.folders["desk"] / "keys" / "desk.key")
        self.socket.curve_publickey, self.socket.curve_secretkey = pair or own
        self.socket.curve_serverkey = linked.keys["station"].encode()
        self.socket.setsockopt(zmq.SNDHWM, 10)
        self.socket.connect(f"tcp://{linked.address}:{linked.link}")

    def says(self, *parts: bytes) -> None:
        assert self.socket.poll(10_000, zmq.POLLOUT), "the station does not take it"
        self.socket.send_multipart([*parts])

    def is_answered(self, seconds: float = 5.0) -> bool:
        return bool(self.socket.poll(int(seconds * 1000), zmq.POLLIN))

    def close(self) -> None:
        self._context.destroy(linger=0)


@contextmanager
def impostor(linked: Linked, pair: tuple[bytes, bytes] | None = None) -> Iterator[Impostor]:
    made = Impostor(linked, pair)
    try:
        yield made
    finally:
        made.close()


def ports(first: int, worker: str) -> int:
    """The first of nine ports that nobody has now, beyond `first`; each of the processes that run tests has its own."""
    number = int(worker.removeprefix("gw")) if worker != "master" else 0
    for port in range(first + 500 * number, first + 500 * (number + 1) - 9, 9):
        with ExitStack() as tried:
            try:
                for one in range(port, port + 9):
                    tried.enter_context(socket.socket()).bind((LOCAL, one))
            except OSError:
                continue
            return port
    raise AssertionError("no free ports")


def said(status: dict[str, Any] | None, **header: Any) -> list[bytes]:
    """A message of the link's, with changes in its header."""
    top = {**json.loads(head(1, 0, 0, False)), **header}
    return [json.dumps(top).encode(), body(status, [])]


def packed(content: object) -> bytes:
    return zlib.compress(json.dumps(content).encode())
