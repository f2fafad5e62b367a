"""The far end of a wire between hosts in a test's hand: it has the right key, and keeps to nothing else."""

import socket
from collections import deque
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import zmq

from bus import keys
from bus.death import Death
from bus.link import Pipe, Sockets
from bus.pull import Pull
from bus.push import Push
from bus.pusher import Item
from tests.peers import Bench, FarPuller, FarPusher, served
from tests.test_curve import free_ports

HOST = "127.0.0.1"
Pair = tuple[bytes, bytes]  # a public and a private key


class Keyed(Bench):
    """A hub that this thread serves, with ends of wires that bind tcp ports and let in one key each."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sockets.close()
        self.public = keys.make(folder / "own.key")
        self.sockets = Sockets(folder / "own.key", self._count)
        self.refused = 0
        self.pipes: dict[str, Pipe] = {}  # by peer
        self.pairs: dict[str, Pair] = {}  # theirs

    def _count(self, count: int) -> None:
        self.refused += count

    def pipe(self, peer: str, *, keyed: bool = True, wire: str = "frames", contract: str = "") -> Pipe:
        self.pairs[peer] = zmq.curve_keypair()
        key = self.pairs[peer][0].decode() if keyed else ""
        address = f"tcp://{HOST}:{free_ports()}"
        self.pipes[peer] = Pipe(address, bind=True, wire=wire, peer=peer, key=key, contract=contract)
        return self.pipes[peer]

    def reach(self, peer: str, pair: Pair | None, made: "zmq.Socket[bytes]", address: str) -> None:
        """Connect `made` to a port of the pipe of `peer`, with the key of another one if `pair` is given."""
        made.curve_publickey, made.curve_secretkey = pair or self.pairs[peer]
        made.curve_serverkey = self.public.encode()
        made.setsockopt(zmq.RECONNECT_IVL, 20)
        if made.type == zmq.PUSH:
            made.setsockopt(zmq.IMMEDIATE, 1)  # so that it can be written to only while somebody is there
        made.connect(self.pipes[peer].data if address.endswith(".d") else self.pipes[peer].state)

    def say(self, words: str) -> None:
        """Keep it, unless it is that a busy machine has kept somebody silent."""
        if not words.startswith("no word from ") and " is in reach after " not in words:
            self.said.append(words)

    def pulls(self, pipe: Pipe) -> tuple[Pull, "deque[tuple[Pull, Item]]"]:
        queue = deque[tuple[Pull, Item]]()
        return Pull(self.hub, self.sockets, [pipe], queue, Death([], ""), self.marks, self.say), queue

    def pusher(self, peer: str, pair: Pair | None = None) -> FarPusher:
        return FarPusher(self.context, "", partial(self.reach, peer, pair))

    def puller(self, peer: str, pair: Pair | None = None) -> FarPuller:
        return FarPuller(self.context, "", partial(self.reach, peer, pair))

    def greet(self, push: Push, far: FarPuller, **fields: Any) -> None:
        """Let `far` say whole states until one has been heard."""
        incarnation = fields.setdefault("incarnation", "one")

        def heard() -> bool:
            far.say(open=[], **fields)
            return any(puller.incarnation == incarnation for puller in push._pullers)

        self.until(heard)

    def settle(self, far: FarPusher) -> None:
        """Let `far` be heard: the connection is there."""
        self.until(lambda: far.hear())

    def serve(self, times: int = 20) -> None:
        for _ in range(times):
            self.hub.serve(0.01)


def keyed() -> AbstractContextManager[Keyed]:
    return served(Keyed)


def frame(body: bytes, *, more: bool = False, command: bool = False) -> bytes:
    """A long frame of ZMTP 3.1, https://rfc.zeromq.org/spec/37/"""
    return bytes([2 + more + 4 * command]) + len(body).to_bytes(8, "big") + body


def unkeyed(port: int, kind: bytes) -> socket.socket:
    """A connection that has shaken hands without a key, as a socket of `kind`."""
    made = socket.create_connection((HOST, port), timeout=5)
    made.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(23, b"\0") + bytes(32))
    made.sendall(frame(b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind, command=True))
    return made
