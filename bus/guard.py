"""Who may come in from another host: those whose keys are known. Whoever else comes is refused and counted."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

import zmq
from zmq.utils import z85

if TYPE_CHECKING:
    from bus.hub import Hub
    from bus.link import Pipe, Sockets
    from bus.meter import Gauge

ZAP = "inproc://zeromq.zap.01"  # where libzmq asks, https://rfc.zeromq.org/spec/27/
AT_ONCE = 256  # messages of one socket that are heard before the others have their turn
NO_KEY = "that did not show a key"
FAILURES = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
HEAD = struct.Struct("=HI")  # of a monitor's message: the event, and a value, such as a descriptor

Refuse = Callable[[str, int], None]  # words, how many


class Guard:
    """Answers for each connection that has shown its key whether it may come in.

    While nobody answers, nobody comes in: libzmq waits, and gives up after HANDSHAKE_IVL.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._context = context
        self._keys: dict[bytes, set[bytes]] = {}  # domain -> the keys that it lets in
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(ZAP)
        self.thread = threading.Thread(target=self._answer, name="guard", daemon=True)
        self.thread.start()

    def let_in(self, keys: Collection[str], domain: str) -> None:
        """From now on let `keys`, and no others, into the sockets of `domain`."""
        self._keys[domain.encode()] = {key.encode() for key in keys}

    def stand_at(self, socket: zmq.Socket[bytes], domain: str) -> None:
        """Whoever comes to `socket`, which has its key pair and is not bound yet, must show a key of `domain`."""
        socket.curve_server = True
        socket.setsockopt_string(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # without an authenticator nobody gets in, instead of everybody

    def close(self) -> None:
        if self.thread.is_alive():
            asking = self._context.socket(zmq.REQ)
            asking.connect(ZAP)
            asking.send(b"")
            self.thread.join()
            asking.close(linger=0)
        self._socket.close()

    def _answer(self) -> None:
        while (question := self._socket.recv_multipart()) != [b""]:
            self._socket.send_multipart(self._reply(question))

    def _reply(self, question: list[bytes]) -> list[bytes]:
        version, number, domain, _address, _name, mechanism, *keys = question  # libzmq asks, and nobody else can
        key = z85.encode(keys[0]) if mechanism == b"CURVE" and len(keys) == 1 else b""
        if key and key in self._keys.get(domain, ()):
            return [version, number, b"200", b"OK", key, b""]
        return [version, number, b"400", b"no key that is let in here", b"", b""]


class Visits:
    """The events of one socket; of one that others can reach it counts who came and was not let in."""

    monitor: zmq.Socket[bytes] | None = None

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        gauge: Gauge | None,
        refuse: Refuse,
        known: int,
        right: str,
        *,
        deaf: bool = False,
        later: bool = False,
    ) -> None:
        """`known`: how many peers are let in, 0 where this side dials; `right`: what a key must be, in words.

        `deaf`: nobody wants to know who comes; `later`: those who come are counted by `count` alone, not at once.
        """
        self.gauge = gauge
        self._refuse, self._peers, self._right, self._later = refuse, known, right, later
        self._accepted = self._known = self._gone = self._wrong = self._refused = self._settled = 0
        if not deaf:
            self.monitor = socket.get_monitor_socket(EVENTS | (FAILURES if known else 0))

    def hear(self) -> set[int]:
        """What has happened since the last time."""
        events = []
        for parts in waiting(self.monitor) if self.monitor else ():
            event, value = HEAD.unpack_from(parts[0])
            events.append(event)
            if self.gauge and event in (zmq.EVENT_ACCEPTED, zmq.EVENT_CONNECTED):
                self.gauge.came(value)
            elif self.gauge and event == zmq.EVENT_DISCONNECTED:
                self.gauge.gone(value)
        if self._peers:
            self._accepted += events.count(zmq.EVENT_ACCEPTED)
            self._known += events.count(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            self._gone += events.count(zmq.EVENT_DISCONNECTED)
            self._wrong += events.count(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            if not self._later:
                self._count(self._accepted)
        if self.gauge and self.gauge.cut:
            self._refuse("cuts off who sends without end", self.gauge.cut)
            self.gauge.cut = 0
        return {*events}

    def count(self) -> None:
        """Count those who had come by the last time that this was asked: by now they have shown what they have."""
        accepted, self._settled = self._settled, self._accepted
        self._count(accepted)

    def _count(self, accepted: int) -> None:
        """Libzmq says who comes and who goes, and how many of them were known; not all strangers make a failure."""
        here = accepted - self._gone - min(self._peers, self._known)  # and not known, or not yet
        refused = accepted - self._known - max(0, here)
        if refused > self._refused:
            wrong = min(self._wrong, refused - self._refused)
            self._wrong = 0
            for words, count in ((f"whose key is not {self._right}", wrong), (NO_KEY, refused - self._refused - wrong)):
                if count:
                    self._refuse(f"refuses a connection {words}", count)
            self._refused = refused


class Callers(Visits):
    """Those at one end of a pipe, and what the peer says there."""

    def __init__(
        self, socket: zmq.Socket[bytes], address: str, pipe: Pipe, sockets: Sockets, refuse: Refuse, aside: bool = False
    ) -> None:
        """`aside`: on one host nobody wants to know who comes."""
        gauge, deaf = sockets.gauge(address, pipe), aside and not pipe.far
        super().__init__(socket, gauge, refuse, int(pipe.guarded), "the one of this wire", deaf=deaf)
        self._socket, self._pipe = socket, pipe

    def listen(self, hub: Hub, hear: Callable[[], object]) -> None:
        """Call `hear` when somebody has come or gone."""
        if self.monitor:
            hub.on(self.monitor, hear)

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
