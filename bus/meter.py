"""What comes in over each connection from another host, as the kernel counts it. Who sends without end is cut off.

libzmq has no bound for what is sent before a key was shown, nor for the parts of one message, which it keeps until the
last one has come. So a thread looks at the TCP connections from beside.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

MB = 1024 * 1024
SHOWN = 265  # bytes that a CURVE server has sent only to one whose key is right: a stranger is sent 246 at most
HANDSHAKE = 16 * 1024  # bytes that somebody may send before; 596 are due
UNREAD = 192 * MB  # that a peer may be ahead: twice its window, and a part that is under way
STRANGERS = 32  # connections to a socket that have not shown a key yet; the oldest have to go
SOON, LATER = 0.01, 0.1  # seconds between two looks, with strangers and without
SO_COOKIE = 57  # <asm-generic/socket.h>: a number that no other socket has had
COUNTS = struct.Struct("@QQ")  # tcpi_bytes_acked and tcpi_bytes_received in struct tcp_info, <linux/tcp.h> …
COUNTS_AT = 120  # … and where they are


@dataclass
class Connection:
    cookie: bytes
    known: bool  # it has shown the right key, or need not
    consumed: int = 0  # bytes that we have heard of it
    there: bool = True  # to be looked at; libzmq says later that it has gone


class Eye:
    """Looks at one connection after the other, with descriptors of its own: there may be no other left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nothing, self._own = (os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(2))

    @contextmanager
    def on(self, descriptor: int) -> Iterator[tuple[socket.socket, bytes]]:
        """The socket with that descriptor, as one of our own, and its cookie. Raises OSError if it is none any more."""
        with self._lock:
            os.dup2(descriptor, self._own, inheritable=False)
            try:
                tcp = socket.socket(fileno=self._own)
                try:
                    yield tcp, tcp.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8)
                finally:
                    tcp.detach()
            finally:
                os.dup2(self._nothing, self._own, inheritable=False)

    def close(self) -> None:
        os.close(self._nothing)
        os.close(self._own)


class Gauge:
    """The connections of one ZeroMQ socket, by descriptor. All are libzmq's: they may be closed at any time."""

    def __init__(self, eye: Eye, port: int, strangers: bool, wake: Callable[[], None], unread: int = UNREAD) -> None:
        """`port`: of this end, or of the other; `strangers`: whether who comes must show a key first.

        `wake` is called when somebody is to be looked at soon; `unread`: bytes that a known one may be ahead.
        """
        self.cut = 0  # known ones that were cut off and not told of yet
        self._eye, self._port, self._strangers, self._wake = eye, port, strangers, wake
        self._unread = unread
        self._connections: dict[int, Connection] = {}

    def came(self, descriptor: int) -> None:
        with suppress(OSError), self._eye.on(descriptor) as (tcp, cookie):
            if tcp.family == socket.AF_UNIX:
                return  # libzmq has closed the connection, and something of ours has its number
            if self._port in (tcp.getsockname()[1], tcp.getpeername()[1]):
                self._connections[descriptor] = Connection(cookie, not self._strangers)
                self._wake()

    @property
    def count(self) -> int:
        """How many there are, strangers included."""
        return sum(connection.there for connection in self._connections.copy().values())

    def gone(self, descriptor: int) -> bool:
        """Whether it is known to have been no stranger."""
        connection = self._connections.pop(descriptor, None)
        return connection is not None and connection.known

    def consumed(self, descriptor: int, count: int) -> None:
        if connection := self._connections.get(descriptor):
            connection.consumed += count

    def end(self) -> None:
        """End all connections: who has not shown its key yet is not to blame for it any more."""
        for descriptor, connection in self._connections.copy().items():
            connection.known = True
            with suppress(OSError), self._eye.on(descriptor) as (tcp, cookie):
                if cookie == connection.cookie:
                    tcp.shutdown(socket.SHUT_RDWR)

    def look(self) -> bool:
        """Cut off who is to be; whether there are strangers."""
        strangers = 0
        for descriptor, connection in reversed(self._connections.copy().items()):  # the newest first
            if not connection.there:
                continue
            try:
                with self._eye.on(descriptor) as (tcp, cookie):
                    if cookie != connection.cookie:
                        raise ProcessLookupError
                    acked, received = _counts(tcp)
                    connection.known = connection.known or acked > SHOWN
                    strangers += not connection.known
                    if connection.known and received - connection.consumed > self._unread:
                        self.cut += 1
                        connection.there = False  # libzmq may take a while: it counts once
                        tcp.shutdown(socket.SHUT_RDWR)
                    elif not connection.known and (received > HANDSHAKE or strangers > STRANGERS):
                        tcp.shutdown(socket.SHUT_RDWR)
            except (OSError, struct.error):  # it has gone, or this kernel does not tell
                connection.there = False
        return strangers > 0


class Meter:
    """The thread that looks at all of them."""

    def __init__(self) -> None:
        self._gauges: list[Gauge] = []
        self._eye = Eye()
        self._over, self._news = False, threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def gauge(self, port: int, strangers: bool, unread: int = UNREAD) -> Gauge:
        made = Gauge(self._eye, port, strangers, self._news.set, unread)
        self._gauges.append(made)
        return made

    def close(self) -> None:
        self._over = True
        self._news.set()
        self._thread.join()
        self._eye.close()

    def _run(self) -> None:
        while not self._over:
            strangers = [gauge.look() for gauge in list(self._gauges)]
            time.sleep(SOON)
            if not any(strangers):
                self._news.wait(LATER)
                self._news.clear()


def _counts(tcp: socket.socket) -> tuple[int, int]:
    """The bytes that the other end has taken, and that it has sent."""
    info = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, COUNTS_AT + COUNTS.size)
    acked, received = COUNTS.unpack_from(info, COUNTS_AT)
    return acked, received
