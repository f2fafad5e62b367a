"""Who may come in from another host: one key per wire and peer. Whoever else comes is refused and counted."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import zmq
from zmq.utils import z85

from bus import redial
from bus.redial import Redial

if TYPE_CHECKING:
    from bus.hub import Hub
    from bus.link import Pipe, Sockets
    from bus.refusals import Refusals

ZAP = "inproc://zeromq.zap.01"  # where libzmq asks, https://rfc.zeromq.org/spec/27/
AT_ONCE = 256  # messages of one socket that are heard before the others have their turn
WRONG_KEY = "whose key is not the one of this wire"
NO_KEY = "that did not show a key"
OTHER_KEY = "that expects another key than this host's"
CRYPTOGRAPHIC = 0x11000001  # ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC in zmq.h: what it sent was not meant for our key
FAILURES = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
HEAD = struct.Struct("=HI")  # of a monitor's message: the event, and a value, such as a descriptor


class GuardDied(Exception):
    """Raised in the node whose guard has ended: a node that lets nobody in any more is worse than a restart."""


class Guard:
    """Answers for each connection that has shown its key whether it may come in.

    While nobody answers, nobody comes in: libzmq waits, and gives up after HANDSHAKE_IVL.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._context = context
        self._keys: dict[bytes, bytes] = {}  # domain -> the key that it lets in
        self._failure = ""
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(ZAP)
        self.thread = threading.Thread(target=self._answer, name="guard", daemon=True)
        self.thread.start()

    def let_in(self, key: str, domain: str) -> None:
        """From now on let `key`, and no other, into the sockets of `domain`."""
        self._keys[domain.encode()] = key.encode()

    def tick(self, now: float, awake: bool) -> None:
        """Raises GuardDied if it has."""
        if not self.thread.is_alive():
            why = self._failure or "its thread has ended"
            raise GuardDied(
                f"nobody is let in from other hosts any more ({why}): this process ends, to be started again"
            )

    def close(self) -> None:
        if self.thread.is_alive():
            asking = self._context.socket(zmq.REQ)
            asking.connect(ZAP)
            asking.send(b"")
            self.thread.join()
            asking.close(linger=0)
        self._socket.close()

    def _answer(self) -> None:
        try:
            while (question := self._socket.recv_multipart()) != [b""]:
                self._socket.send_multipart(self._reply(question))
        except Exception as error:  # said by the node's own thread
            self._failure = f"{type(error).__name__}: {error}"

    def _reply(self, question: list[bytes]) -> list[bytes]:
        version, number, domain, _address, _name, mechanism, *keys = question  # libzmq asks, and nobody else can
        key = z85.encode(keys[0]) if mechanism == b"CURVE" and len(keys) == 1 else b""
        if key and key == self._keys.get(domain):
            return [version, number, b"200", b"OK", key, b""]
        return [version, number, b"400", b"not the key of this wire", b"", b""]


class Callers:
    """The events of one socket; of one that others can reach it counts who came and was not let in."""

    monitor: zmq.Socket[bytes] | None = None

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        address: str,
        pipe: Pipe,
        sockets: Sockets,
        refusals: Refusals,
        aside: bool = False,
    ) -> None:
        """`aside`: on one host nobody wants to know who comes."""
        self._socket, self._pipe, self._refuse = socket, pipe, partial(refusals.stranger, pipe)
        self._accepted = self._known = self._gone = self._refused = 0
        self._failed = {WRONG_KEY: 0, OTHER_KEY: 0}  # handshakes whose end is still to be heard
        self.gauge = sockets.gauge(address, pipe)
        self._guard = sockets.guard if pipe.guarded else None
        self._redial: Redial | None = None
        if pipe.far and not pipe.bind:
            self._redial = Redial(socket, address, f"{pipe.peer} at {pipe.address}", refusals.trouble)
        if pipe.far or not aside:
            self.monitor = monitor(socket, pipe)

    def listen(self, hub: Hub, hear: Callable[[], object]) -> None:
        """Call `hear` when somebody has come or gone."""
        if self.monitor:
            hub.on(self.monitor, hear)
        for end in (self._guard, self._redial):
            if end:
                hub.join(end)

    def hear(self) -> set[int]:
        """What has happened since the last time."""
        events = []
        for parts in waiting(self.monitor) if self.monitor else ():
            event, value = HEAD.unpack_from(parts[0])
            events.append(event)
            self._failed[WRONG_KEY] += event == zmq.EVENT_HANDSHAKE_FAILED_AUTH
            self._failed[OTHER_KEY] += event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == CRYPTOGRAPHIC
            if self.gauge and event in (zmq.EVENT_ACCEPTED, zmq.EVENT_CONNECTED):
                self.gauge.came(value)
            elif self.gauge and event == zmq.EVENT_DISCONNECTED:
                self.gauge.gone(value)
        if self._pipe.guarded:
            self._count(events)
        if self._redial:
            self._redial.hear(events)
        if self.gauge and self.gauge.cut:
            self._refuse("cuts off who sends without end", self.gauge.cut)
            self.gauge.cut = 0
        return {*events}

    def heard(self) -> Iterator[list[bytes]]:
        """The messages that wait: where this side let the peer in, each must be under the peer's key."""
        if not self.gauge:
            yield from waiting(self._socket)
            return
        for _ in range(AT_ONCE):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            parts = [frame.bytes for frame in frames]
            self.gauge.consumed(int(frames[0].get(zmq.SRCFD)), sum(map(len, parts)))
            if self._pipe.guarded and user(frames[0]) != self._pipe.key:
                self._refuse("refuses a message under another key", 1)
            else:
                yield parts

    def _count(self, events: list[int]) -> None:
        """Libzmq says who comes and who goes, and how many of them were known; not all strangers make a failure."""
        self._accepted += events.count(zmq.EVENT_ACCEPTED)
        self._known += events.count(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._gone += events.count(zmq.EVENT_DISCONNECTED)
        here = self._accepted - self._gone - min(1, self._known)  # and not known, or not yet
        refused = self._accepted - self._known - max(0, here)
        if refused > self._refused:
            left, self._refused = refused - self._refused, refused
            for words, failed in {**self._failed, NO_KEY: left}.items():
                if count := min(failed, left):
                    self._refuse(f"refuses a connection {words}", count)
                left -= count
            self._failed = dict.fromkeys(self._failed, 0)


def monitor(socket: zmq.Socket[bytes], pipe: Pipe) -> zmq.Socket[bytes]:
    """Where libzmq tells of `socket`, of which there is but one: what happens before it is there is not told."""
    dials = pipe.far and not pipe.bind
    return socket.get_monitor_socket(EVENTS | FAILURES * pipe.guarded | redial.EVENTS * dials)


def waiting(socket: zmq.Socket[bytes], most: int = AT_ONCE) -> Iterator[list[bytes]]:
    """The messages that wait in `socket`, as lists of parts; the rest, if there are more, the next time."""
    for _ in range(most):
        try:
            yield socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return


def user(frame: zmq.Frame) -> str:
    """Under which key it came; empty if under none."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""
