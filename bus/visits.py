"""Who comes to a socket and goes, as libzmq tells it: who was not let in is counted."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import zmq

from bus import redial
from bus.redial import Redial

if TYPE_CHECKING:
    from bus.meter import Gauge

AT_ONCE = 256  # messages of one socket that are heard before the others have their turn
NO_KEY = "that did not show a key"
OTHER_KEY = "that expects another key than this host's"
CRYPTOGRAPHIC = 0x11000001  # ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC in zmq.h: what it sent was not meant for our key
FAILURES = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
HEAD = struct.Struct("=HI")  # of a monitor's message: the event, and a value, such as a descriptor

Refuse = Callable[[str, int], None]  # words, how many


class Visits:
    """The events of one socket."""

    def __init__(
        self,
        monitor: zmq.Socket[bytes] | None,
        gauge: Gauge | None,
        refuse: Refuse,
        known: int = 0,
        wrong_key: str = "",
        *,
        redial: Redial | None = None,
        later: bool = False,
    ) -> None:
        """`known`: how many peers are let in, 0 where this side dials; `wrong_key`: who shows another one, in words.

        `redial`: of a side that dials; `later`: those who come are counted by `count` alone, not at once.
        """
        self.monitor, self.gauge, self.redial = monitor, gauge, redial
        self._refuse, self._peers, self._wrong_key, self._later = refuse, known, wrong_key, later
        self._accepted = self._known = self._gone = self._refused = self._settled = 0
        self._failed = {wrong_key: 0, OTHER_KEY: 0}  # handshakes whose end is still to be heard

    def hear(self) -> set[int]:
        """What has happened since the last time."""
        events = []
        for parts in waiting(self.monitor) if self.monitor else ():
            event, value = HEAD.unpack_from(parts[0])
            events.append(event)
            self._failed[self._wrong_key] += event == zmq.EVENT_HANDSHAKE_FAILED_AUTH
            self._failed[OTHER_KEY] += event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == CRYPTOGRAPHIC
            if self.gauge and event in (zmq.EVENT_ACCEPTED, zmq.EVENT_CONNECTED):
                self.gauge.came(value)
            elif self.gauge and event == zmq.EVENT_DISCONNECTED:
                self.gauge.gone(value)
        if self._peers:
            self._accepted += events.count(zmq.EVENT_ACCEPTED)
            self._known += events.count(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            self._gone += events.count(zmq.EVENT_DISCONNECTED)
            if not self._later:
                self._count(self._accepted)
        if self.redial:
            self.redial.hear(events)
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
            left, self._refused = refused - self._refused, refused
            for words, failed in {**self._failed, NO_KEY: left}.items():
                if count := min(failed, left):
                    self._refuse(f"refuses a connection {words}", count)
                left -= count
            self._failed = dict.fromkeys(self._failed, 0)


def monitor(socket: zmq.Socket[bytes], *, guarded: bool = False, dials: bool = False) -> zmq.Socket[bytes]:
    """Where libzmq tells of `socket`, of which there is but one: what happens before it is there is not told."""
    return socket.get_monitor_socket(EVENTS | FAILURES * guarded | redial.EVENTS * dials)


def waiting(socket: zmq.Socket[bytes], most: int = AT_ONCE) -> Iterator[list[bytes]]:
    """The messages that wait in `socket`, as lists of parts; the rest, if there are more, the next time."""
    try:
        yield socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return
    for _ in range(most - 1):
        if not int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:  # asking costs less than being refused
            return
        yield socket.recv_multipart(zmq.NOBLOCK)


def user(frame: zmq.Frame) -> str:
    """Under which key it came; empty if under none."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""
