"""A pipe's two sockets: where they are, which options they carry, and who may use them."""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq

from bus import keys
from bus.badaddress import BadAddress
from bus.encoding import RAW, Encoding
from bus.guard import Guard
from bus.meter import STRANGERS, Gauge, Meter
from bus.visits import monitor

if TYPE_CHECKING:
    from bus.callers import Callers

PREFETCH = 8  # messages that a replica's user code has not let go of, per pusher
PORT = re.compile(r":\d{1,5}$")
KEY = re.compile(rf"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{{}}@%$#-]{{{keys.KEY_LENGTH}}}")
READ: dict[str, Callable[[str], Any]]
READ = {"prefetch": int, "encode": Encoding.parse, "max_age": float, "insecure": bool, "in_order": bool}  # else: text
LAST_WORDS = 100  # ms at exit for what is on its way to a peer that is there: the last state of a puller
KNOCKING = 2 * STRANGERS + 6  # descriptors for who has not shown a key yet, for the guard, and the meter
MAX_CONTRACT = 1000  # characters of another's contract that are said
MAX_PART = 64 * 1024 * 1024  # bytes of one part from another host

# Why each value: see "Socket options" in docs/wire.md.
OPTIONS = {zmq.LINGER: 0, zmq.SNDHWM: 1000, zmq.RCVHWM: 1000}
IPC_OPTIONS = {zmq.RECONNECT_IVL: 20, zmq.RECONNECT_IVL_MAX: 200}
TCP_OPTIONS = {
    zmq.RECONNECT_IVL: 100,
    zmq.RECONNECT_IVL_MAX: 2000,
    zmq.CONNECT_TIMEOUT: 3000,
    zmq.HANDSHAKE_IVL: 10000,
    zmq.HEARTBEAT_IVL: 2000,
    zmq.HEARTBEAT_TIMEOUT: 8000,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 10,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 3,
    zmq.TCP_MAXRT: 15000,
    zmq.MAXMSGSIZE: MAX_PART,
    zmq.IPV6: 1,
}


@dataclass(frozen=True)
class Pipe:
    """One (pusher replica, puller replica) of a wire, as one end sees it and as it stands on the command line."""

    address: str
    bind: bool = False
    wire: str = "frames"
    peer: str = ""  # the replica at the other end
    input: str = ""  # the parameter that it feeds, where graph.yaml names it
    output: str = ""  # the name that a yield sends to, likewise
    keep: str = "all"
    prefetch: int = PREFETCH
    encode: Encoding = RAW  # how the pusher sends pixels that a node changed
    in_order: bool = False  # whether the puller hands out the messages of each stream by their numbers
    max_age: float = 0.0  # seconds from which on the pusher drops a message that it has not sent; 0: never
    key: str = ""  # the peer's public key, between hosts
    insecure: bool = False  # whether it may be open to everybody instead
    contract: str = ""  # what both ends must have read in graph.yaml, between hosts

    @classmethod
    def parse(cls, text: str) -> Pipe:
        """`[@]ADDRESS[,name=value]…`, the names being those of the fields above. Raises ValueError."""
        address, *options = text.split(",")
        known = {field.name for field in fields(cls)} - {"address", "bind"}
        values: dict[str, Any] = {}
        for option in options:
            name, equals, value = option.partition("=")
            if not equals or name not in known:
                raise ValueError(f'"{option}" in "{text}": expected one of {", ".join(sorted(known))}, as name=value')
            values[name] = READ[name](value) if name in READ else value
        pipe = cls(address.removeprefix("@"), address.startswith("@"), **values)
        if pipe.scheme not in ("ipc", "tcp"):
            raise ValueError(f'"{address}": an address is ipc://PATH or tcp://HOST:PORT')
        if pipe.keep not in ("all", "latest"):
            raise ValueError(f'keep={pipe.keep} in "{text}": use all or latest')
        if pipe.far and not PORT.search(address):
            raise ValueError(f'"{address}": a tcp address ends with its first port, as in tcp://10.0.0.7:5560')
        if pipe.prefetch < 1:
            raise ValueError(f'prefetch={pipe.prefetch} in "{text}": at least 1')
        if not 0 <= pipe.max_age < math.inf:
            raise ValueError(f'max_age={pipe.max_age} in "{text}": a number of seconds above 0')
        if pipe.key and not KEY.fullmatch(pipe.key):
            raise ValueError(f'key={pipe.key} in "{text}": a public key has {keys.KEY_LENGTH} characters of Z85')
        return pipe

    def __str__(self) -> str:
        options = [
            f"{field.name}={f'{value:.12g}' if field.name == 'max_age' else value}"
            for field in fields(self)
            if field.name not in ("address", "bind")
            and ((value := getattr(self, field.name)) != field.default or field.name == "wire")
        ]
        return ",".join(["@" * self.bind + self.address, *options])

    @cached_property
    def far(self) -> bool:
        """Whether it may lead to another host."""
        return self.scheme == "tcp"

    @property
    def guarded(self) -> bool:
        """Whether this end lets in whoever has the right key; the one that dials knows whom it has called."""
        return self.bind and bool(self.key)

    def difference(self, theirs: str) -> str:
        """Words for that the contract of the other end is not ours; none if it is, or if one end has none."""
        if not theirs or not self.contract or theirs == self.contract:
            return ""
        theirs = theirs[:MAX_CONTRACT]
        return (
            f'the wire "{self.wire}" waits: graph.yaml says "{self.contract}" here, and "{theirs}" where {self.peer}'
            " runs. Give both hosts the same copy; where it is not followed, start them again"
        )

    @property
    def descriptors(self) -> int:
        """How many file descriptors this end takes: two sockets with a connection each, monitors, and listeners.

        Where strangers can knock it has some to spare for them.
        """
        return 6 + 2 * self.bind + 2 * self.far + KNOCKING * self.guarded

    @property
    def scheme(self) -> str:
        return self.address.partition("://")[0]

    @property
    def data(self) -> str:
        """Where messages flow, pusher to puller."""
        return f"{self.address}.d" if self.scheme == "ipc" else self.address

    @property
    def state(self) -> str:
        """Where acknowledgements flow, puller to pusher: the next port over tcp."""
        if self.scheme == "ipc":
            return f"{self.address}.s"
        host, _, port = self.address.rpartition(":")
        return f"{host}:{int(port) + 1}"


def by_wire(pipes: list[Pipe], end: Callable[[Pipe], str]) -> dict[tuple[str, str], list[Pipe]]:
    """`pipes` in groups: (what `end` says of a pipe, its wire) -> those of which this is true."""
    wires: dict[tuple[str, str], list[Pipe]] = defaultdict(list)
    for pipe in pipes:
        wires[end(pipe), pipe.wire].append(pipe)
    return wires


class Sockets:
    """The sockets of this process, made and closed together."""

    def __init__(self, key: Path | None = None, refused: Callable[[int], None] = lambda count: None) -> None:
        """`refused` is told how many connections or messages were just refused."""
        self.refused = refused
        self.callers: list[Callers] = []  # who is at their other ends
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, self._context.get(zmq.SOCKET_LIMIT))
        self._keys = keys.read(key) if key else None
        self.guard: Guard | None = None
        self._meter: Meter | None = None

    def open(self, kind: int, address: str, pipe: Pipe) -> zmq.Socket[bytes]:
        """A PUSH or PULL socket of `pipe` at `address`.

        Raises BadAddress, or ValueError if the pipe lacks the keys it must have.
        """
        socket = self._context.socket(kind)
        made = [socket]
        for option, value in {**OPTIONS, **(TCP_OPTIONS if pipe.far else IPC_OPTIONS)}.items():
            socket.setsockopt(option, value)
        if kind == zmq.PUSH:
            socket.setsockopt(zmq.IMMEDIATE, 1)  # no queue for a peer that is not there
        try:
            if pipe.key:
                self._encrypt(socket, pipe)
            if pipe.far:
                made.append(monitor(socket, guarded=pipe.guarded, dials=not pipe.bind))  # before the first connection
            if pipe.bind:
                _bind(socket, address, pipe)
            else:
                socket.connect(address)
        except (zmq.ZMQError, ValueError) as error:
            for one in made:
                one.close()
            if isinstance(error, zmq.ZMQError):
                raise BadAddress(address, error.errno or 0) from None
            raise
        return socket

    def _encrypt(self, socket: zmq.Socket[bytes], pipe: Pipe) -> None:
        """CURVE with both ends known: the side that binds is the server and lets only `pipe.key` in."""
        if self._keys is None:
            raise ValueError(f'the wire "{pipe.wire}" is encrypted: give this host\'s private key with --key=FILE')
        socket.curve_publickey, socket.curve_secretkey = self._keys
        if not pipe.bind:
            socket.curve_serverkey = pipe.key.encode()
            return
        self.guard = self.guard or Guard(self._context)
        domain = f"{pipe.wire}/{pipe.peer}"
        self.guard.let_in([pipe.key], domain)
        self.guard.stand_at(socket, domain)

    def hang_up(self) -> None:
        for callers in self.callers:
            callers.hang_up()

    def gauge(self, address: str, pipe: Pipe) -> Gauge | None:
        """What comes in over the connections of the socket of `pipe` at `address`; None on one host."""
        if not pipe.far:
            return None
        self._meter = self._meter or Meter()
        return self._meter.gauge(int(address.rpartition(":")[2]), pipe.guarded)

    def close(self) -> None:
        if self._meter is not None:
            self._meter.close()
        if self.guard is not None:
            self.guard.close()
        self._context.destroy(linger=LAST_WORDS)


def _bind(socket: zmq.Socket[bytes], address: str, pipe: Pipe) -> None:
    if pipe.far and not pipe.key and not pipe.insecure and not _loopback(address):
        raise ValueError(f"{address} would be open to everybody: give key=PUBLIC and --key=FILE, or bind 127.0.0.1")
    before = os.umask(0o077)  # an ipc socket is for its owner alone
    try:
        socket.bind(address)
    finally:
        os.umask(before)


def _loopback(address: str) -> bool:
    host = address.removeprefix("tcp://").rpartition(":")[0]
    return host.startswith("127.") or host in ("localhost", "[::1]")
