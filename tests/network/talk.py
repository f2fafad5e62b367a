"""Two ends that talk to each other, both in the hands of one test, and how well they do."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.network.hosts import Host

PORT = 5560
DIAL = 10.0  # seconds in which a connection comes about
CHUNK = bytes(64 * 1024)
MEGA = 1e6
LOT = 50  # datagrams; a socket's buffer has room for two such lots


@contextmanager
def connection(one: Host, other: Host, patience: float = 10.0) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection of TCP, dialled by `one`: its two ends, which wait no longer than `patience` seconds."""
    with ExitStack() as stack:
        with listening(other) as listener:
            near = stack.enter_context(one.tcp())
            near.settimeout(DIAL)
            near.connect((other.address, PORT))
            far = stack.enter_context(listener.accept()[0])
        for end in (near, far):
            end.settimeout(patience)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield near, far


@contextmanager
def listening(host: Host) -> Iterator[socket.socket]:
    with host.tcp() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.address, PORT))
        listener.listen()
        yield listener


def gets_through(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether a byte arrives before the receiver's patience is at its end."""
    sender.sendall(b"x")
    try:
        return receiver.recv(1) == b"x"
    except TimeoutError:
        return False


def round_trip(near: socket.socket, far: socket.socket) -> float:
    """Seconds that a byte takes there and back."""
    began = time.monotonic()
    assert gets_through(near, far)
    assert gets_through(far, near)
    return time.monotonic() - began


def throughput(sender: socket.socket, receiver: socket.socket, seconds: float) -> float:
    """Send what goes, and return how many Mbit/s arrive, counted from the first byte on. Closes the receiver."""
    pumping = threading.Thread(target=_pump, args=(sender,))
    pumping.start()
    with receiver:
        receiver.recv(1)
        arrived, began = 0, time.monotonic()
        while (took := time.monotonic() - began) < seconds:
            arrived += len(receiver.recv(len(CHUNK)))
    pumping.join()
    return arrived * 8 / took / MEGA


def _pump(sender: socket.socket) -> None:
    with suppress(ConnectionError):  # the receiver has had enough
        while True:
            sender.sendall(CHUNK)


def datagrams(sender: Host, receiver: Host, number: int, patience: float = 0.3) -> list[int]:
    """Send so many numbered datagrams; which of them arrive, in that order, until none has for `patience` seconds."""
    arrived: list[int] = []
    with sender.udp() as near, receiver.udp() as far:
        far.bind((receiver.address, PORT))
        far.settimeout(patience)
        for first in range(0, number, LOT):
            for one in range(first, min(first + LOT, number)):
                near.sendto(one.to_bytes(4, "big"), (receiver.address, PORT))
            arrived += _arriving(far, first)
        arrived += _arriving(far, number)
    return arrived


def _arriving(far: socket.socket, last: int) -> Iterator[int]:
    """The datagrams that arrive, up to one whose number is `last` or more, or until none does."""
    found = -1
    with suppress(TimeoutError):
        while found < last:
            found = int.from_bytes(far.recv(4), "big")
            yield found
