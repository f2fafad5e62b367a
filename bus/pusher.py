"""What a puller knows of one pusher replica, and of one message that came from it."""

from __future__ import annotations

from typing import Any

import zmq

from bus.link import Pipe, Sockets

REMEMBERED = 4096  # finished messages that a puller knows, per pusher; an older one is done again at worst
MAX_REASON = 200  # characters of the words that travel with a verdict


class Item:
    """One message that came and is not finished."""

    __slots__ = ("epoch", "meta", "n", "payload", "pusher", "skip", "tries")

    def __init__(self, pusher: Pusher, header: dict[str, Any], payload: bytes) -> None:
        self.pusher, self.epoch, self.n, self.payload = pusher, pusher.epoch, header["n"], payload
        self.skip: bool = header["kind"] == "skip"
        self.meta: dict[str, Any] = header["meta"]
        self.tries: int = header["tries"]  # above 0: it may be deadly


class Pusher:
    """What a puller knows of one pusher replica."""

    def __init__(self, sockets: Sockets, pipe: Pipe) -> None:
        self.pipe, self.name = pipe, pipe.peer
        self.data = sockets.open(zmq.PULL, pipe.data, pipe)
        self.state = sockets.open(zmq.PUSH, pipe.state, pipe)
        self.monitor = self.state.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.gone: set[str] = set()  # epochs that are no more
        self.agrees = True  # its copy of the graph says the same of this wire, as far as is known
        self.reset("")

    def reset(self, epoch: str) -> None:
        """The pusher has restarted: all that was between us is void."""
        self.epoch, self.echo, self.low = epoch, 0, 0
        self.closed = self.ended = False
        self.open: dict[int, Item] = {}  # queued or in user code
        self.held: set[int] = set()  # user code has let go, downstream has not finished
        self.done: dict[int, tuple[str, str]] = {}  # finished -> (verdict, reason), until the pusher's low passes it
        self.released: list[int] = []  # news since the last state
        self.finished: list[int] = []
        self.returned: list[tuple[int, bool, str]] = []

    def finish(self, n: int, verdict: str, reason: str) -> None:
        """`n` is finished, with everything that was made of it."""
        self.open.pop(n, None)
        self.held.discard(n)
        self.done[n] = verdict, reason[:MAX_REASON]
        self.finished.append(n)
        if len(self.done) > REMEMBERED:
            del self.done[next(iter(self.done))]

    def prune(self, low: int) -> None:
        """The pusher asks no more about what is below `low`."""
        if low > self.low:
            self.low = low
            self.done = {n: verdict for n, verdict in self.done.items() if n >= low}

    @property
    def news(self) -> int:
        return len(self.released) + len(self.finished) + len(self.returned)
