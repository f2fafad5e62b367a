"""The pushing end of a wire: who gets what, and what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

from bus import state as states
from bus.arena import Arena, Slot
from bus.books import WirePage
from bus.chain import Verdict, nobody
from bus.clocks import Clocks
from bus.forged import strip
from bus.guilt import Guilt
from bus.header import Malformed
from bus.hub import BEAT, Hub
from bus.link import Pipe, Sockets
from bus.making import Making
from bus.marks import Marks
from bus.message import Message
from bus.outgoing import Outgoing
from bus.parcel import Form
from bus.puller import Puller, least_busy
from bus.refusals import Refusals
from bus.steps import step
from bus.unfinished import Unfinished

SILENT = 2.0  # seconds without a state after which a puller's messages go elsewhere
LOOK = 0.02  # seconds between two looks at the pullers


class Push:
    """One wire out of this replica. Every method is called with the hub's lock held."""

    def __init__(
        self,
        hub: Hub,
        sockets: Sockets,
        pipes: list[Pipe],
        page: WirePage,
        clocks: Clocks,
        arena: Arena | None,
        say: Callable[[str], None],
        marks: Marks,
    ) -> None:
        """`arena`: where large payloads lie for pullers on this host."""
        self.wire, self.encoding = pipes[0].wire, pipes[0].encode
        self.local = not any(pipe.far for pipe in pipes)
        self.closed = self.ended = False
        self._hub, self._say, self._refusals = hub, say, Refusals(sockets, say)
        self._making = Making(self.wire, self.local, self._refusals)
        self._arena = arena.address if arena and self.local else None
        self._unfinished = Unfinished(pipes[0], page, clocks)
        self._guilt = Guilt(self._unfinished, say, self._give_up)
        self.takes_all = self.local and self.encoding.raw  # whatever a message carries goes as it is
        self._pullers = [Puller(sockets, pipe, self._refusals, marks) for pipe in pipes]
        self._epoch, self._turn, self._beat, self._looked = secrets.token_hex(8), 0, 0.0, 0.0
        for puller in self._pullers:
            puller.listen(hub, partial(self._hear, puller), partial(self._watch, puller))
        hub.join(self)

    # ---- the node's side

    def room(self) -> bool:
        """Whether a message may be put without waiting; keep: latest always has room for the newest."""
        return self._unfinished.room

    def wants_form(self, message: Message) -> bool:
        """Whether what it carries is to be made fit for this wire: pixels encoded, a file read."""
        return (not self.local and message.is_named) or (not self.encoding.raw and message.pixels is not None)

    @property
    def shares(self) -> bool:
        """Whether some puller reads large payloads from the arena."""
        return self._arena is not None and any(puller.arena for puller in self._pullers)

    def put(
        self, meta: dict[str, Any], payload: bytes | Slot, finish: Verdict, form: Form | None = None, text: str = ""
    ) -> None:
        """Send this to one of the pullers; `finish(verdict, reason)` is called when it is through.

        With a `form` that is the payload, made when it is about to be sent. `text`: the meta as JSON, if that was made.
        """
        self._unfinished.add("message", meta, payload, finish, form, text)
        self._pump()

    def skip(self, meta: dict[str, Any], finish: Verdict) -> None:
        """Tell downstream that this number will not come."""
        self._unfinished.skip(meta, finish)
        self._pump()

    @property
    def idle(self) -> bool:
        return not self._unfinished.all

    @property
    def unaware(self) -> list[Puller]:
        """The pullers that do not know that this pusher has ended."""
        return [puller for puller in self._pullers if not (puller.ended or puller.is_over)]

    def end(self) -> None:
        self.ended = True
        self._beat = 0.0

    # ---- the wire's side

    def tick(self, now: float, awake: bool) -> None:
        if now - self._looked >= LOOK or self.ended or not awake:
            self._looked = now
            self._look(now, awake)
        self._pump()

    def _look(self, now: float, awake: bool) -> None:
        """See who is there, and what is due; once in a while, as there may be many."""
        beat = now - self._beat >= BEAT
        if beat:
            self._beat = now
        for puller in self._pullers:
            puller.heard = puller.heard if awake else max(puller.heard, now)
            if puller.doubts:
                self._watch(puller)
            if (puller.up or puller.sent) and now - puller.heard > SILENT:
                puller.up = False
                self._take_back(puller, list(puller.sent))
            if beat and puller.ping_due(now, self.closed or self.ended, self.idle):
                self._ping(puller)
            if beat and (words := puller.news_of_presence(now)):
                self._say(f'{words} on "{self.wire}"')
        if beat:
            self._unfinished.tell(sum(puller.up for puller in self._pullers))

    def _pump(self) -> None:
        """Send from the front of the queue for as long as somebody has credit; the least busy goes first."""
        while out := self._unfinished.first():
            puller = least_busy(self._pullers, out, self._turn)
            if puller is None:
                return
            if out.form is not None:
                if verdict := self._making.make(out):
                    self._give_up(out, *verdict)
                continue  # now that its size is known another one may have to take it
            with step("send"):
                if puller.send_message(out, self._epoch, self._unfinished.low):
                    self._unfinished.sent(out)
                    self._turn += 1
                    puller.give(out)

    def _ping(self, puller: Puller, **more: Any) -> None:
        ping = {"epoch": self._epoch, "low": self._unfinished.low, "closed": self.closed, "end": self.ended, **more}
        puller.send_ping(ping | ({"memory": self._arena} if self._arena else {}))

    def _finish(self, n: int, verdict: str, reason: str) -> None:
        if out := self._unfinished.all.get(n):
            for puller in out.given:
                puller.forget(n)
            self._unfinished.finish(n, verdict, reason)

    def _take_back(self, puller: Puller, numbers: list[int]) -> None:
        """Queue again, in front, what `puller` had, unless another puller holds it."""
        for n in numbers:
            puller.forget(n)
        self._unfinished.put_back(n for n in numbers if not any(n in other.sent for other in self._pullers))

    def _give_up(self, out: Outgoing, verdict: str, reason: str) -> None:
        """First downstream knows that its number will not come, then its owner acts."""
        finish, out.finish = out.finish, nobody
        self._finish(out.n, "", "")
        self._unfinished.skip(out.meta, lambda *_: finish(verdict, reason))

    # ---- hearing

    def _watch(self, puller: Puller) -> None:
        if not puller.lost():
            return
        self._hear(puller)  # its last words count
        puller.up = False
        self._guilt.suspect(puller)
        self._take_back(puller, list(puller.sent))
        self._pump()

    def _hear(self, puller: Puller) -> None:
        for parts in puller.others.heard():
            try:
                state = states.read(parts)
                if strip(state, puller, self._epoch, self._unfinished):
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
            for _ in puller.gone.calls():
                self._ping(puller, gone=incarnation)
            return
        if state.get("gone") == self._epoch:
            self._hub.on_gone(puller.name)
        if puller.begins_anew(incarnation):
            self._take_back(puller, list(puller.sent))
            if puller.clear():
                return  # it will say all of this again
        self._guilt.hear(puller, state, self._epoch)
        puller.answers(state)
        if puller.leaving:
            self._ping(puller)  # it goes when it knows that this was heard
        if not mine:
            return
        puller.settle(state)
        for n in state["released"]:
            puller.let_go(n)
        self._take_back(puller, [n for n, _, _ in state["returned"]])
        for n, guilty, words in state["returned"]:
            if guilty:
                self._guilt.blame(n, words)
        puller.ended = state["ended"]
        if "open" in state:  # whole: what was sent before the echoed ping and is not there was lost on the way
            there, echo = {*state["open"], *state["held"]}, state["echo"]
            self._take_back(puller, [n for n, (ping, _) in puller.sent.items() if ping < echo and n not in there])
            for n in state["held"]:
                puller.let_go(n)
