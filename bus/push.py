"""The pushing end of a wire: what is not finished yet, and who gets what."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import zmq

from bus import state as states
from bus.books import Books
from bus.chain import Verdict, nobody
from bus.forged import strip
from bus.header import Malformed, pack
from bus.hub import BEAT, Hub
from bus.link import Pipe, Sockets
from bus.puller import Outgoing, Puller
from bus.refusals import Refusals
from bus.steps import step

SILENT = 2.0  # seconds without a state after which a puller's messages go elsewhere
TRIES = 3  # deaths that make a message a dead letter
NO_COPY = 64 * 1024  # bytes from which libzmq sends a payload without copying it


class Push:
    """One wire out of this replica. Every method is called with the hub's lock held."""

    def __init__(self, hub: Hub, sockets: Sockets, pipes: list[Pipe], books: Books, say: Callable[[str], None]) -> None:
        self.wire = pipes[0].wire
        self.local = all(pipe.scheme == "ipc" for pipe in pipes)
        self.closed = self.ended = False
        self._books, self._say, self._refusals = books, say, Refusals(sockets, say)
        self._latest = pipes[0].keep == "latest"
        self._epoch, self._n = secrets.token_hex(8), 0
        self._undone: dict[int, Outgoing] = {}
        self._queue: deque[int] = deque()
        self._pullers = [Puller(sockets, pipe, self._refusals) for pipe in pipes]
        self._turn, self._beat = 0, 0.0
        for puller in self._pullers:
            puller.listen(hub, partial(self._hear, puller), partial(self._watch, puller))
        hub.join(self)

    # ---- the node's side

    def room(self) -> bool:
        """Whether a message may be put without waiting; keep: latest always has room for the newest."""
        return self._latest or not self._queue

    def put(self, meta: dict[str, Any], payload: bytes, finish: Verdict, kind: str = "message") -> None:
        """Send this to one of the pullers; `finish(verdict, reason)` is called when it is through."""
        if self._latest and kind == "message":
            unsent = [self._undone[n] for n in self._queue if n in self._undone]
            for n in [out.n for out in unsent if out.kind == "message" and not out.tries]:
                self._drop(n)
        self._n += 1
        self._undone[self._n] = Outgoing(self._n, kind, meta, payload, finish)
        self._queue.append(self._n)
        self._pump()

    def skip(self, meta: dict[str, Any], finish: Verdict) -> None:
        """Tell downstream that this number will not come."""
        if meta.get("number") is None:
            finish("", "")
        else:
            last = meta.get("last", meta["number"])
            self.put({"stream": meta["stream"], "number": meta["number"], "last": last}, b"", finish, "skip")

    @property
    def idle(self) -> bool:
        return not self._undone

    @property
    def unaware(self) -> list[Puller]:
        """The pullers that do not know that this pusher has ended."""
        return [puller for puller in self._pullers if not puller.ended]

    def end(self) -> None:
        self.ended = True
        self._beat = 0.0

    # ---- the wire's side

    def tick(self, now: float, awake: bool) -> None:
        beat = now - self._beat >= BEAT
        if beat:
            self._beat = now
        for puller in self._pullers:
            if not awake:
                puller.heard = max(puller.heard, now)
            if puller.doubts:
                self._watch(puller)
            if (puller.up or puller.sent) and now - puller.heard > SILENT:
                puller.up = False
                self._take_back(puller, list(puller.sent))
            if beat and puller.up:
                self._ping(puller)
        self._pump()

    def _pump(self) -> None:
        """Send from the front of the queue for as long as somebody has credit; the least busy goes first."""
        while self._queue:
            out = self._undone.get(self._queue[0])
            if out is None:
                self._queue.popleft()
                continue
            count = len(self._pullers)
            turn = (self._pullers[(self._turn + i) % count] for i in range(count))
            puller = min((p for p in turn if p.room(out)), key=lambda p: len(p.open), default=None)
            if puller is None:
                return
            header = {"kind": out.kind, "n": out.n, "tries": out.caution, "meta": out.meta}
            with step("send"):
                if self._send(puller, header, out.payload):
                    self._queue.popleft()
                    self._turn += 1
                    puller.give(out)

    def _ping(self, puller: Puller) -> None:
        ping = {"kind": "ping", "ping": puller.ping + 1, "closed": self.closed, "end": self.ended}
        if self._send(puller, {**ping, "contract": puller.pipe.contract}):
            puller.ping += 1

    def _send(self, puller: Puller, header: dict[str, Any], payload: bytes = b"") -> bool:
        low = next(iter(self._undone), self._n + 1)  # dicts keep order: the first is the lowest
        parts = [pack({"v": 0, "epoch": self._epoch, "low": low, **header}), payload]
        try:
            puller.data.send_multipart(parts, zmq.NOBLOCK, copy=len(payload) < NO_COPY)
        except zmq.Again:
            puller.up = False  # no connection: its next state opens it again
        return puller.up

    def _finish(self, n: int, verdict: str, reason: str) -> None:
        out = self._undone.pop(n, None)
        for puller in self._pullers:
            puller.forget(n)
        if out is not None:
            out.finish(verdict, reason)

    def _drop(self, n: int) -> None:
        """It was not sent, and a newer one has come: downstream hears of it as a skip."""
        meta = self._undone[n].meta
        self._books["passed_over"] += 1
        self._finish(n, "dropped", f'a newer frame came on "{self.wire}"')
        stream, first, last = meta["stream"], meta["number"], meta.get("last", meta["number"])
        for skip in [self._undone[n] for n in self._queue if n in self._undone]:
            if skip.finish is nobody and (skip.meta["stream"], skip.meta["last"] + 1) == (stream, first):
                first = skip.meta["number"]  # one skip for all in a row, so that a long wait needs no memory
                self._finish(skip.n, "", "")
        self._queue = deque(n for n in self._queue if n in self._undone)
        self.skip({"stream": stream, "number": first, "last": last}, nobody)

    def _take_back(self, puller: Puller, numbers: list[int]) -> None:
        """Queue again, in front, what `puller` had, unless another puller holds it."""
        for n in numbers:
            puller.forget(n)
        waiting = set(self._queue)
        back = [
            n for n in numbers
            if n in self._undone and n not in waiting and not any(n in other.sent for other in self._pullers)
        ]  # fmt: skip
        self._queue.extendleft(reversed(back))

    def _blame(self, n: int, words: str) -> None:
        """`n` is guilty once more; the last time makes it a dead letter."""
        out = self._undone.get(n)
        if out is None:
            return
        out.tries += 1
        if out.tries >= TRIES:
            self._say(f"gives up {out.meta.get('name') or n} on {self.wire} after {out.tries} tries: {words}")
            self._set_aside(out, f"{words} ({out.tries} times)")

    def _set_aside(self, out: Outgoing, reason: str) -> None:
        """A dead letter: first downstream knows that its number will not come, then its owner acts."""
        finish, out.finish = out.finish, nobody
        self._finish(out.n, "", "")
        self.skip(out.meta, lambda verdict, words: finish("rejected", reason))

    # ---- hearing

    def _watch(self, puller: Puller) -> None:
        if not puller.lost():
            return
        self._hear(puller)  # its last words count
        puller.up = False
        for n in puller.open:
            self._undone[n].suspected_by = puller  # one of them may kill the next puller, before this one tells
        self._take_back(puller, list(puller.sent))
        self._pump()

    def _hear(self, puller: Puller) -> None:
        for parts in puller.others.heard():
            try:
                state = states.read(parts)
                if strip(state, puller, self._epoch, self._undone, self._n):
                    self._refusals.malformed(puller.pipe, "sent back", "a verdict on what it was not given")
            except Malformed as error:
                self._refusals.malformed(puller.pipe, "sent back", error)
            else:
                self._on_state(puller, state)
        self._pump()

    def _on_state(self, puller: Puller, state: dict[str, Any]) -> None:
        if difference := puller.compare(state):
            self._refusals.differs(puller.pipe, difference)
            self._ping(puller)  # it is to know, too
        if not puller.agrees:
            return
        mine = state["epoch"] == self._epoch
        if mine:  # a verdict is true whoever says it and however late
            for n, verdict, reason in state["done"]:
                self._finish(n, verdict, reason)
        incarnation = state["incarnation"]
        if incarnation in puller.gone:
            return
        if incarnation != puller.incarnation:
            if puller.incarnation:
                puller.gone.add(puller.incarnation)
                self._take_back(puller, list(puller.sent))
            puller.incarnation = incarnation
        if "hand" in state and incarnation not in puller.blamed:
            puller.blamed.add(incarnation)
            for out in self._undone.values():
                if out.suspected_by is puller:
                    out.suspected_by = None
            for n in [n for epoch, n in state["hand"] if epoch == self._epoch]:
                self._blame(n, state.get("death") or f"killed {puller.name}")
        if not puller.up:
            puller.data.get(zmq.EVENTS)  # makes libzmq look: a send alone sees a new connection up to 1 ms late
        puller.heard, puller.up, puller.credit = time.monotonic(), True, state["credit"]
        if not mine:
            return
        for n in state["released"]:
            puller.let_go(n)
        for n, guilty, words in state["returned"]:
            self._take_back(puller, [n])
            if guilty:
                self._blame(n, words)
        puller.ended = state["ended"]
        if "open" in state:  # whole: what was sent before the echoed ping and is not there was lost on the way
            there, echo = {*state["open"], *state["held"]}, state["echo"]
            self._take_back(puller, [n for n, (ping, _) in puller.sent.items() if ping < echo and n not in there])
            for n in state["held"]:
                puller.let_go(n)
