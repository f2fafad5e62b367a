"""The pulling end of a wire: what came, what user code holds, and what is owed to each pusher."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

import zmq

from bus.header import Malformed, pack, unpack
from bus.hub import BEAT, Hub
from bus.link import Pipe, Sockets, drain, drain_events
from bus.pusher import Item, Pusher

Ended = Callable[[str], bool]  # whether a replica has left its end mark


class Pull:
    """One wire into this replica. Every method is called with the hub's lock held."""

    def __init__(
        self,
        hub: Hub,
        sockets: Sockets,
        pipes: list[Pipe],
        queue: deque[tuple[Pull, Item]],
        before: list[tuple[str, str, int, str]],
        marked: Ended,
        say: Callable[[str], None],
    ) -> None:
        """What comes goes into `queue`; `before` is the hand that an earlier life of this replica died with."""
        self.wire = pipes[0].wire
        self.local = all(pipe.scheme == "ipc" for pipe in pipes)
        self.credit = 1 if pipes[0].keep == "latest" else pipes[0].prefetch
        self._queue, self._before, self._marked, self._say = queue, before, marked, say
        self._incarnation, self._beat = secrets.token_hex(8), 0.0
        self._pushers = [Pusher(sockets, pipe) for pipe in pipes]
        for pusher in self._pushers:
            hub.on(pusher.data, lambda pusher=pusher: self._hear(pusher))  # type: ignore[misc]
            hub.on(pusher.monitor, lambda pusher=pusher: self._greet(pusher))  # type: ignore[misc]
        hub.join(self)

    # ---- the node's side

    @property
    def ended(self) -> bool:
        """Whether nothing will ever come again."""
        return all(pusher.ended for pusher in self._pushers)

    @property
    def closed(self) -> bool:
        """Whether nothing new will come, as far as the pushers know today."""
        return all(pusher.closed or pusher.ended for pusher in self._pushers)

    @property
    def news(self) -> int:
        """How much the pushers have not been told yet."""
        return sum(pusher.news for pusher in self._pushers)

    def release(self, item: Item) -> None:
        """User code has let go of it."""
        pusher = item.pusher
        if item.epoch == pusher.epoch and item.n in pusher.open:
            del pusher.open[item.n]
            pusher.held.add(item.n)
            pusher.released.append(item.n)

    def finish(self, item: Item, verdict: str, reason: str) -> None:
        """All that was made of it is finished."""
        pusher = item.pusher
        if item.epoch == pusher.epoch:  # else the pusher that sent it is no more, and nobody waits for this
            pusher.open.pop(item.n, None)
            pusher.held.discard(item.n)
            pusher.done[item.n] = (verdict, reason)
            pusher.finished.append(item.n)

    def give_back(self, item: Item, guilty: bool, words: str) -> None:
        """User code failed on it: the pusher is to send it again, and to count if it was guilty."""
        pusher = item.pusher
        if item.epoch == pusher.epoch:
            pusher.open.pop(item.n, None)
            pusher.held.discard(item.n)
            pusher.returned.append((item.n, guilty, words))

    # ---- the wire's side

    def tick(self, now: float, awake: bool) -> None:
        whole = now - self._beat >= BEAT
        if whole:
            self._beat = now
        for pusher in self._pushers:
            if whole and not pusher.ended and pusher.name and self._marked(pusher.name):
                pusher.ended = True
            if whole or pusher.news:
                self._tell(pusher, whole)

    def _greet(self, pusher: Pusher) -> None:
        if drain_events(pusher.monitor):
            self._tell(pusher, whole=True)  # at once: waiting for the beat makes every reset cost half a second

    def _tell(self, pusher: Pusher, whole: bool) -> None:
        told = pusher.done if whole else pusher.finished
        state: dict[str, Any] = {
            "v": 0,
            "kind": "state",
            "incarnation": self._incarnation,
            "epoch": pusher.epoch,
            "credit": self.credit,
            "echo": pusher.echo,
            "ended": pusher.ended,
            "released": pusher.released,
            "returned": pusher.returned,
            "done": [(n, *pusher.done[n]) for n in told if n in pusher.done],
        }
        if whole:
            state["open"], state["held"] = list(pusher.open), list(pusher.held)
            state["hand"] = [(epoch, n) for name, epoch, n, _ in self._before if name == pusher.name]
        try:
            pusher.state.send_multipart([pack(state)], zmq.NOBLOCK)
        except zmq.Again:
            return  # nobody is there; the whole state goes out when somebody is
        pusher.released, pusher.finished, pusher.returned = [], [], []

    def _hear(self, pusher: Pusher) -> None:
        for parts in drain(pusher.data):
            try:
                self._on_parts(pusher, parts)
            except (Malformed, KeyError, TypeError, ValueError) as error:
                self._say(f'ignores a malformed message from {pusher.name} on "{self.wire}": {error!r}')

    def _on_parts(self, pusher: Pusher, parts: list[bytes]) -> None:
        if len(parts) != 2:
            raise Malformed(f"{len(parts)} parts; a message has exactly 2")
        header = unpack(parts[0])
        epoch, low = str(header["epoch"]), int(header["low"])
        if epoch in pusher.gone:
            return
        if epoch != pusher.epoch:
            self._restart(pusher, epoch)
        for n in [n for n in pusher.done if n < low]:
            del pusher.done[n]
        if header["kind"] == "ping":
            pusher.echo, pusher.closed = int(header["ping"]), bool(header["closed"])
            pusher.ended = pusher.ended or bool(header["end"])
            return
        n = int(header["n"])
        if n in pusher.done:
            pusher.finished.append(n)  # say it once more
        elif n >= low and n not in pusher.open and n not in pusher.held:
            pusher.open[n] = item = Item(pusher, header, parts[1])
            self._queue.append((self, item))

    def _restart(self, pusher: Pusher, epoch: str) -> None:
        """A new epoch: drop what is queued from the old one; what has started finishes, for nobody."""
        pusher.gone.add(pusher.epoch)
        kept = [(pull, item) for pull, item in self._queue if item.pusher is not pusher]
        self._queue.clear()
        self._queue.extend(kept)
        pusher.reset(epoch)
        pusher.closed = False
