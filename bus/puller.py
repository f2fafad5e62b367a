"""What a pusher knows of one puller replica, and of one message that is not finished."""

from typing import Any

import zmq

from bus.chain import Verdict
from bus.link import Pipe, Sockets


class Outgoing:
    """One message that is not finished yet."""

    __slots__ = ("finish", "kind", "meta", "n", "payload", "tries")

    def __init__(self, n: int, kind: str, meta: dict[str, Any], payload: bytes, finish: Verdict) -> None:
        self.n, self.kind, self.meta, self.payload, self.finish = n, kind, meta, payload, finish
        self.tries = 0  # deaths that it is guilty of


class Puller:
    """What a pusher knows of one puller replica."""

    def __init__(self, sockets: Sockets, pipe: Pipe) -> None:
        self.name = pipe.peer
        self.data = sockets.open(zmq.PUSH, pipe.data, pipe)
        self.state = sockets.open(zmq.PULL, pipe.state, pipe)
        self.monitor = self.data.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.incarnation = ""
        self.gone: set[str] = set()  # incarnations that are no more: never ordered by clocks
        self.up, self.heard = False, 0.0
        self.credit = 0
        self.ping = 0
        self.sent: dict[int, int] = {}  # n of what it has and is not finished -> the ping when it was sent
        self.open: set[int] = set()  # those of them that its user code has not let go of
        self.alone = False  # it works on a guilty message, which travels as a unit of its own
        self.blamed: set[str] = set()  # incarnations whose hand was counted
        self.ended = False  # it knows that this pusher has ended

    def room(self, out: Outgoing) -> bool:
        return self.up and not self.alone and len(self.open) < (1 if out.tries else self.credit)

    def let_go(self, n: int) -> None:
        self.open.discard(n)
        self.alone = self.alone and bool(self.open)
