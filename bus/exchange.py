"""The sockets of the launchers' link: one that hears those who dial, and one for each that is dialled.

CURVE with both ends known, as on a wire. Who says something is told from the key that it came under, never from what
it says. Nothing waits for who is away.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import zmq

from bus import keys
from bus.badaddress import BadAddress
from bus.guard import Guard
from bus.link import OPTIONS, TCP_OPTIONS
from bus.meter import MB, Meter
from bus.redial import Redial
from bus.visits import AT_ONCE, Refuse, Visits, monitor, user

DOMAIN = "link"  # of the authenticator
MAX_PART = 2 * MB  # bytes; libzmq ends the connection of who sends more
UNHEARD = 4  # messages of one peer that wait, in each direction
AHEAD = 16 * MB  # bytes that a peer may be ahead: what waits, and the parts of one that has no end
WRONG_KEY = "whose key is not that of a host in the graph"
LAST_WORDS = 300  # ms at exit for what is on its way to those who are there


class Arrival(NamedTuple):
    """What has come, and from whom."""

    host: str
    parts: list[bytes]
    at: int  # wall-clock ns
    way: bytes = b""  # libzmq's name for the connection that it came by, where the host dials us


class Exchange:
    """Used by one thread."""

    def __init__(self, key: Path, refuse: Refuse, say: Callable[[str], None]) -> None:
        """`key`: the file with this host's private key; `refuse` is told what is refused, and how many of it.

        `say`: what else goes wrong, again and again. Raises keys.BadKey.
        """
        self._keys = keys.read(key)
        self._refuse, self._say = refuse, say
        self._context = zmq.Context[zmq.Socket[bytes]]()
        self._meter = Meter()
        self._guard: Guard | None = None
        self._poller = zmq.Poller()
        self._hosts: dict[str, str] = {}  # key -> host, of those who dial
        self._door: zmq.Socket[bytes] | None = None
        self._ways: dict[str, bytes] = {}  # host that dials -> libzmq's name for its last connection
        self._dialled: dict[str, zmq.Socket[bytes]] = {}
        self._visits: dict[zmq.Socket[bytes], Visits] = {}

    def listen(self, address: str, hosts: Mapping[str, str]) -> None:
        """Hear those of `hosts`, name -> public key, at `address`, and nobody else. Raises BadAddress."""
        self._hosts = {key: name for name, key in hosts.items()}
        self._guard = Guard(self._context)
        self._guard.let_in(self._hosts, DOMAIN)
        self._door = self._socket(zmq.ROUTER)
        self._guard.stand_at(self._door, DOMAIN)
        self._look_at(self._door, address, peers=len(hosts))
        try:
            self._door.bind(address)
        except zmq.ZMQError as error:
            raise BadAddress(address, error.errno or 0) from None

    def dial(self, host: str, address: str, key: str) -> None:
        """Reach `host`, whose public key that is, at `address`, now or as soon as it is there."""
        made = self._dialled[host] = self._socket(zmq.DEALER)
        made.setsockopt(zmq.IMMEDIATE, 1)  # no queue for a peer that is not there
        made.curve_serverkey = key.encode()
        self._look_at(made, address, redial=Redial(made, address, f"{host} at {address}", self._say))
        made.connect(address)

    def wait(self, seconds: float) -> tuple[list[Arrival], list[str]]:
        """What comes within `seconds`, or the first of it, and which of the hosts that we dial were just reached.

        Raises GuardDied.
        """
        now = time.monotonic()
        for end in (self._guard, *(visits.redial for visits in self._visits.values())):
            if end:
                end.tick(now, awake=True)
        ready = dict(self._poller.poll(max(0, math.ceil(seconds * 1000))))
        arrivals = [arrival for socket in self._visits if socket in ready for arrival in self._heard(socket)]
        reached = []
        for socket, visits in self._visits.items():
            if visits.monitor in ready and zmq.EVENT_HANDSHAKE_SUCCEEDED in visits.hear():
                socket.get(zmq.EVENTS)  # makes libzmq look: a send alone sees a new connection up to 1 ms late
                reached += [host for host, one in self._dialled.items() if one is socket]
        return arrivals, reached

    def follow(self, arrival: Arrival) -> None:
        """From now on what goes to its host goes the way that it came."""
        if arrival.way:
            self._ways[arrival.host] = arrival.way

    def send(self, host: str, parts: Iterable[bytes]) -> bool:
        """Send this to `host`, if it is there, as far as is known."""
        try:
            if socket := self._dialled.get(host):
                socket.send_multipart([*parts], zmq.NOBLOCK)
            elif self._door and host in self._ways:
                self._door.send_multipart([self._ways[host], *parts], zmq.NOBLOCK)
            else:
                return False
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        self._meter.close()
        if self._guard is not None:
            self._guard.close()
        self._context.destroy(linger=LAST_WORDS)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        made = self._context.socket(kind)
        own = {zmq.MAXMSGSIZE: MAX_PART, zmq.SNDHWM: UNHEARD, zmq.RCVHWM: UNHEARD}
        for option, value in {**OPTIONS, **TCP_OPTIONS, **own}.items():
            made.setsockopt(option, value)
        made.curve_publickey, made.curve_secretkey = self._keys
        return made

    def _look_at(
        self, socket: zmq.Socket[bytes], address: str, *, peers: int = 0, redial: Redial | None = None
    ) -> None:
        events = monitor(socket, guarded=peers > 0, dials=redial is not None)
        gauge = self._meter.gauge(int(address.rpartition(":")[2]), peers > 0, AHEAD)
        self._visits[socket] = Visits(events, gauge, self._refuse, peers, WRONG_KEY, redial=redial)
        self._poller.register(socket, zmq.POLLIN)
        self._poller.register(events, zmq.POLLIN)

    def _heard(self, socket: zmq.Socket[bytes]) -> Iterator[Arrival]:
        """The messages that wait, each with the host whose key it came under."""
        gauge = self._visits[socket].gauge
        dialled = {one: host for host, one in self._dialled.items()}
        for _ in range(AT_ONCE):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            at = time.time_ns()
            parts = [frame.bytes for frame in frames]
            if gauge:
                gauge.consumed(int(frames[-1].get(zmq.SRCFD)), sum(map(len, parts)))
            if socket in dialled:
                yield Arrival(dialled[socket], parts, at)
            elif host := self._hosts.get(user(frames[-1])):
                yield Arrival(host, parts[1:], at, parts[0])
            else:
                self._refuse("refuses a message under another key", 1)
