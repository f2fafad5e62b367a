"""The pulling end of a wire: what came, what user code holds, and what is owed to each pusher."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import zmq

from bus import data
from bus.arena import Address
from bus.death import Death
from bus.header import VERSION, Malformed, pack
from bus.hub import BEAT, Hub
from bus.incoming import Incoming
from bus.link import Pipe, Sockets
from bus.marks import Marks
from bus.order import Order
from bus.pusher import MAX_REASON, Item, Pusher
from bus.refusals import Refusals
from bus.steps import step


class Pull:
    """One wire into this replica. Every method is called with the hub's lock held."""

    def __init__(
        self,
        hub: Hub,
        sockets: Sockets,
        pipes: list[Pipe],
        queue: deque[tuple[Pull, Item]],
        before: Death,
        marks: Marks,
        say: Callable[[str], None],
        order: Order | None = None,
    ) -> None:
        """What comes goes into `queue`, at once or in `order`; `before` is how an earlier life of this replica died."""
        self.wire, self._latest = pipes[0].wire, pipes[0].keep == "latest"
        self.credit = 1 if self._latest else pipes[0].prefetch
        self._before, self._marks = before, marks
        self._incoming = Incoming(self, queue, order)
        self._hub, self._say, self._refusals = hub, say, Refusals(sockets, say)
        self._incarnation, self._beat, self._is_leaving = secrets.token_hex(8), 0.0, False
        self._pushers = [Pusher(sockets, pipe, self._refusals) for pipe in pipes]
        for pusher in self._pushers:
            hub.on(pusher.data, partial(self._hear, pusher))
            pusher.callers.listen(hub, partial(self._greet, pusher))
            pusher.others.listen(hub, pusher.others.hear)
        hub.join(self)

    # ---- the node's side

    @property
    def ended(self) -> bool:
        """Whether nothing will ever come again."""
        has_ended = all(pusher.ended for pusher in self._pushers)
        return has_ended and self._marks.all_ended([one.name for one in self._pushers if one.is_marked])

    @property
    def closed(self) -> bool:
        """Whether nothing new will come, as far as the pushers know today."""
        return all(pusher.closed or pusher.ended for pusher in self._pushers)

    @property
    def pushers(self) -> int:
        return len(self._pushers)

    @property
    def waits(self) -> bool:
        """Whether something is here whose turn has not come."""
        return self._incoming.waits

    @property
    def overdue(self) -> bool:
        """Whether a pusher that is not told now may soon have nothing to do: half of what it may send is used up."""
        enough = (self.credit + 1) // 2
        return any(len(pusher.released) >= enough for pusher in self._pushers)

    def leave(self) -> list[Item]:
        """Take no more, and let go of what waits here for its turn, which is returned: it is to be given back."""
        self._is_leaving, self._beat = True, 0.0
        return self._incoming.empty()

    def is_through(self, now: float) -> bool:
        """Whether a replica that leaves owes nobody a word."""
        return all(pusher.is_through(now) for pusher in self._pushers)

    def widen(self, size: int) -> int:
        """Ask for enough to make batches of `size`, and return how many of a batch can come from here.

        Of keep: latest that is one from each pusher: more would grow old while it waits for user code.
        """
        if self._latest:
            return min(size, len(self._pushers))
        self.credit = max(self.credit, 2 * size)
        return size

    def release(self, item: Item) -> None:
        """User code has let go of it."""
        pusher = item.pusher
        if item.epoch == pusher.epoch and item.n in pusher.open:
            del pusher.open[item.n]
            pusher.held.add(item.n)
            pusher.released.append(item.n)

    def set_aside(self, item: Item) -> None:
        """It waits for others, which may be behind it: so its pusher has its credit back."""
        if item.epoch == item.pusher.epoch and item.n in item.pusher.open:
            item.pusher.aside[item.n] = len(item.payload)
            self.release(item)

    def finish(self, item: Item, verdict: str, reason: str) -> None:
        """All that was made of it is finished."""
        pusher = item.pusher
        if item.epoch == pusher.epoch:  # else the pusher that sent it is no more, and nobody waits for this
            pusher.finish(item.n, verdict, reason)
            self._incoming.finished(item)

    def give_back(self, item: Item, guilty: bool, words: str) -> None:
        """User code failed on it: the pusher is to send it again, and to count if it was guilty."""
        pusher = item.pusher
        if item.epoch == pusher.epoch:
            with step("give back"):
                pusher.forget(item.n)
                self._incoming.come_again([item])
                pusher.returned.append((item.n, guilty, words[:MAX_REASON]))

    # ---- the wire's side

    def tick(self, now: float, awake: bool) -> None:
        whole = now - self._beat >= BEAT
        if whole:
            self._beat = now
            self._incoming.beat(now)
        for pusher in self._pushers:
            if whole and pusher.name and (pusher.is_marked or not pusher.ended):
                pusher.look_for_mark(self._marks, now)
            if whole or pusher.news:
                self._tell(pusher, whole)
            if whole and (words := pusher.news_of_presence(now)):
                self._say(f'{words} on "{self.wire}"')

    def _greet(self, pusher: Pusher) -> None:
        if zmq.EVENT_HANDSHAKE_SUCCEEDED in pusher.callers.hear():
            pusher.state.get(zmq.EVENTS)  # makes libzmq look: a send alone sees a new connection up to 1 ms late
            self._tell(pusher, whole=True)  # at once: waiting for the beat makes every reset cost half a second

    def _tell(self, pusher: Pusher, whole: bool, **more: str) -> None:
        self._incoming.keep()
        state = {"v": VERSION, "kind": "state", "incarnation": self._incarnation, "credit": self.credit, **more}
        if self._is_leaving:
            whole, state = True, {**state, "credit": 0, "leaving": pusher.farewell.say(news=pusher.news > 0)}
        state |= pusher.news_of_messages(whole)
        if whole:
            state |= pusher.all_of_messages(self._before)
        done = state["done"]
        try:
            with step("acknowledge" if done else "report"):
                pusher.state.send(pack(state), zmq.NOBLOCK)
        except zmq.Again:
            pusher.forget_news()  # nobody is there; the whole state goes out when somebody is
        else:
            pusher.was_told(state)

    def _hear(self, pusher: Pusher) -> None:
        for parts in pusher.others.heard():
            try:
                self._on_header(pusher, data.read(parts), parts[1])
            except Malformed as error:
                self._refusals.malformed(pusher.pipe, "sent", error)

    def _on_header(self, pusher: Pusher, header: dict[str, Any], payload: bytes | memoryview) -> None:
        """Raises Malformed."""
        epoch, low = header["epoch"], header["low"]
        pusher.heard = time.monotonic()
        if header["kind"] == "ping":
            difference = pusher.pipe.difference(header.get("contract", ""))
            pusher.agrees = not difference
            if difference:
                self._refusals.differs(pusher.pipe, difference)
        if epoch in pusher.gone:
            for _ in pusher.gone.calls():
                self._tell(pusher, whole=True, gone=epoch)
        if epoch in pusher.gone or not pusher.agrees:
            return
        if epoch != pusher.epoch:
            self._restart(pusher, epoch)
        pusher.prune(low)
        if header["kind"] == "ping":
            if header.get("gone") == self._incarnation:
                self._hub.on_gone(pusher.name)
            pusher.echo, pusher.closed, pusher.farewell.heard = header["ping"], header["closed"], header.get("left", 0)
            if header["end"] and not pusher.ended:
                self._end(pusher)
            elif pusher.pipe.far and not header["end"]:
                pusher.ended = False  # whatever a mark has said
            if "memory" in header and not pusher.pipe.far:
                self._share(pusher, Address(*header["memory"]))
            return
        n: int = header["n"]
        if "memory" in header:
            payload = pusher.lent(*header["memory"])
        if n in pusher.done:
            pusher.finished[n] = None  # say it once more
        elif n >= low and n not in pusher.open and n not in pusher.held:
            if pusher.pipe.far and not pusher.room(payload, self.credit):
                self._refusals.malformed(pusher.pipe, "sent", "more than it was given credit for")
                return  # an honest one sends it again: the next whole state does not name it
            if self._is_leaving:
                pusher.returned.append((n, False, ""))
                return
            with step("receive"):
                pusher.open[n] = item = Item(pusher, header, payload)
                self._incoming.add(item)

    def _share(self, pusher: Pusher, arena: Address) -> None:
        """Say at once that we read its payloads where they lie, or why we cannot."""
        if pusher.offered == arena.token:
            return
        if trouble := pusher.share(arena):
            self._say(f'shares no memory with {pusher.name}: {trouble}; large payloads on "{self.wire}" are copied')
        elif pusher.shared:
            self._tell(pusher, whole=True)

    def _end(self, pusher: Pusher) -> None:
        """Believe that it has ended; for a pusher on another host that must hold for this replica's next life, too."""
        if pusher.pipe.far:
            try:
                self._marks.keep(pusher.name, pusher.epoch)
            except OSError as error:  # it goes on saying so
                self._refusals.trouble(f"cannot write the end mark of {pusher.name}: {error.strerror}; tries again")
                return
        pusher.ended = True
        self._tell(pusher, whole=True)  # at once: the pusher waits for nothing else before it exits

    def _restart(self, pusher: Pusher, epoch: str) -> None:
        """A new epoch: drop what is queued from the old one; what has started finishes, for nobody."""
        if pusher.pipe.far:
            self._marks.revoke(pusher.name, epoch)
        if pusher.epoch:
            pusher.callers.clear()
        pusher.gone.add(pusher.epoch)
        self._incoming.forget(pusher)
        pusher.reset(epoch)
