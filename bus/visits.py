"""Who comes to a socket and goes, as libzmq tells it: who was not let in is counted."""

from __future__ import annotations

import errno
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import zmq

from bus import redial
from bus.redial import OFTEN, Redial

if TYPE_CHECKING:
    from bus.meter import Gauge

AT_ONCE = 256  # messages of one socket that are heard before the others have their turn
NO_KEY = "that did not show a key"
OTHER_KEY = "that expects another key than this host's"
CRYPTOGRAPHIC = 0x11000001  # ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC in zmq.h: what it sent was not meant for our key
LEFT = {errno.EPIPE, errno.ECONNRESET}  # the other side has closed the connection
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
    ) -> None:
        """`known`: how many peers are let in, 0 where this side dials; `wrong_key`: who shows another one, in words.

        `redial`: of a side that dials.
        """
        self.monitor, self.gauge, self.redial = monitor, gauge, redial
        self._refuse, self._peers, self._wrong_key = refuse, known, wrong_key
        self._here = self._known = 0  # connections, and those of them that have shown the right key
        self._failed = Counter[str]()  # handshakes whose end is still to be heard
        self._strangers = Counter[str]()  # who has gone and is still to be told of
        self._early = False  # while no peer is here, one leaves that may be it: killed before its handshake was over …
        self._left = 0  # … and how many have done so since a peer came last

    def hear(self) -> set[int]:
        """What has happened since the last time."""
        events = []
        for parts in waiting(self.monitor) if self.monitor else ():
            event, value = HEAD.unpack_from(parts[0])
            events.append(event)
            known = False
            if self.gauge and event in (zmq.EVENT_ACCEPTED, zmq.EVENT_CONNECTED):
                self.gauge.came(value)
            elif self.gauge and event == zmq.EVENT_DISCONNECTED:
                known = self.gauge.gone(value)
            if self._peers:
                self._count(event, value, known)
        for words, count in self._strangers.items():
            self._refuse(f"refuses a connection {words}", count)
        self._strangers.clear()
        if self.redial:
            self.redial.hear(events)
        if self.gauge and self.gauge.cut:
            self._refuse("cuts off who sends without end", self.gauge.cut)
            self.gauge.cut = 0
        return {*events}

    def _count(self, event: int, value: int, known: bool) -> None:
        """`known`: who goes is seen to have shown its key, or is sent away by ourselves."""
        if event == zmq.EVENT_ACCEPTED:
            self._here += 1
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:  # of whom is not said
            self._known += 1
            self._left = 0
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._failed[self._wrong_key] += 1
        elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == CRYPTOGRAPHIC:
            self._failed[OTHER_KEY] += 1
        elif event == zmq.EVENT_DISCONNECTED:
            self._here -= 1
            if known or self._known > self._here:  # all that were here were known
                self._known = max(0, self._known - 1)
            else:
                self._judge()
        self._early = event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL and value in LEFT and not self._known

    def _judge(self) -> None:
        """A stranger has gone: some of them, such as browsers, make no failure."""
        words = next(iter(self._failed), NO_KEY)
        self._failed -= Counter([words])
        if words == NO_KEY and self._early:
            self._left += 1
            if self._left > OFTEN:  # it is no peer of ours
                self._strangers[NO_KEY] += 1 + OFTEN * (self._left == OFTEN + 1)
        else:
            self._strangers[words] += 1


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
