"""What a puller knows of one pusher replica, and of one message that came from it."""

from __future__ import annotations

from typing import Any

import zmq

from bus.link import Pipe, Sockets


class Item:
    """One message that came and is not finished."""

    __slots__ = ("epoch", "meta", "n", "payload", "pusher", "skip", "tries")

    def __init__(self, pusher: Pusher, header: dict[str, Any], payload: bytes) -> None:
        self.pusher, self.epoch, self.n, self.payload = pusher, pusher.epoch, int(header["n"]), payload
        self.skip: bool = header["kind"] == "skip"
        self.tries, self.meta = int(header["tries"]), dict(header["meta"])


class Pusher:
    """What a puller knows of one pusher replica."""

    def __init__(self, sockets: Sockets, pipe: Pipe) -> None:
        self.pipe, self.name = pipe, pipe.peer
        self.data = sockets.open(zmq.PULL, pipe.data, pipe)
        self.state = sockets.open(zmq.PUSH, pipe.state, pipe)
        self.monitor = self.state.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.gone: set[str] = set()  # epochs that are no more
        self.closed = self.ended = False
        self.reset("")

    def reset(self, epoch: str) -> None:
        """The pusher has restarted: all that was between us is void."""
        self.epoch, self.echo = epoch, 0
        self.open: dict[int, Item] = {}  # queued or in user code
        self.held: set[int] = set()  # user code has let go, downstream has not finished
        self.done: dict[int, tuple[str, str]] = {}  # finished -> (verdict, reason), until the pusher's low passes it
        self.released: list[int] = []  # news since the last state
        self.finished: list[int] = []
        self.returned: list[tuple[int, bool, str]] = []

    @property
    def news(self) -> int:
        return len(self.released) + len(self.finished) + len(self.returned)
