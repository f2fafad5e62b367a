"""What a pusher knows of one puller replica."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import zmq

from bus.arena import Slot
from bus.callers import Callers
from bus.header import VERSION, pack
from bus.hub import Hub
from bus.lately import Lately
from bus.link import Pipe, Sockets
from bus.marks import Marks
from bus.outgoing import Outgoing
from bus.presence import Presence
from bus.refusals import Refusals
from bus.superseded import Gone

DOUBTS = 5  # looks, 20 ms apart
WINDOW = 64  # messages that are not finished downstream, per puller
REST = 2.0  # seconds between two pings on a wire of one host on which nothing is unfinished
NO_COPY = 64 * 1024  # bytes from which libzmq sends a payload without copying it
LOANS = 512  # payloads that it may read in the arena at a time; who keeps so many gets the others through its socket
SEND_FIRST = zmq.NOBLOCK | zmq.SNDMORE
WINDOW_BYTES = 64 * 1024 * 1024  # their payloads, per puller; one message always fits


class Puller:
    """What a pusher knows of one puller replica."""

    def __init__(self, sockets: Sockets, pipe: Pipe, refusals: Refusals, marks: Marks) -> None:
        self.pipe, self.name, self._marks = pipe, pipe.peer, marks
        self.data = sockets.open(zmq.PUSH, pipe.data, pipe)
        self.state = sockets.open(zmq.PULL, pipe.state, pipe)
        self.callers = Callers(self.data, pipe.data, pipe, sockets, refusals)
        self.others = Callers(self.state, pipe.state, pipe, sockets, refusals, aside=True)
        self.doubts = 0  # looks that are still to be taken at whether it is connected
        self.presence = Presence(self.name)
        self.incarnation = ""
        self.gone = Gone()  # incarnations that are no more: never ordered by clocks
        self.up, self.heard = False, 0.0
        # Its copy of the graph is known to say the same of this wire, or something else.
        self.agrees, self.differs = not pipe.contract, False
        self.credit = 0
        self.leaving = 0  # the number of the last state in which it said that it leaves; 0: it does not
        self.ping = 0
        self._pinged, self._was_closed = 0.0, False  # when, by time.monotonic, and what it was told
        self.sent: dict[int, tuple[int, int]] = {}  # what it has unfinished: n -> the ping when it was sent, its bytes
        self.open: set[int] = set()  # those of them that its user code has not let go of
        self.bytes = 0  # of all in `sent`
        self.alone = False  # it works on what may be deadly, which travels as a unit of its own
        self.arena = ""  # the token of the arena that it reads; empty: payloads go through the socket
        self.loans: dict[int, tuple[int, Slot]] = {}  # what it may still read there, and the ping when that was sent
        self._loan = 0
        self.blamed = Lately()  # incarnations whose hand was counted
        self.is_missed = False  # it was lost, and has not told since what became of what it had
        self.ended = False  # it knows that this pusher has ended

    def listen(self, hub: Hub, hear: Callable[[], None], watch: Callable[[], None]) -> None:
        """Call `hear` when a state is there, and `watch` when somebody has come or gone."""
        hub.on(self.state, hear)
        self.callers.listen(hub, watch)
        self.others.listen(hub, self.others.hear)

    def lost(self) -> bool:
        """Whether the connection has just gone. Others come and go at the same port, and libzmq does not say who.

        It says so a moment before it stops taking messages, so that this is asked again in the next ticks.
        """
        gone = zmq.EVENT_DISCONNECTED in self.callers.hear()
        if not self.pipe.bind:
            return gone
        self.doubts = DOUBTS if gone else max(0, self.doubts - 1)
        if not self.doubts or int(self.data.getsockopt(zmq.EVENTS)) & zmq.POLLOUT:
            return False
        self.doubts = 0
        return True

    @property
    def is_back(self) -> bool:
        """Whether it was lost and there is a connection again: last words alone may come late."""
        return self.is_missed and bool(int(self.data.getsockopt(zmq.EVENTS)) & zmq.POLLOUT)

    @property
    def is_over(self) -> bool:
        """Whether nobody is there to hear anything: it has ended before us, or is spare."""
        return self._marks.ended(self.name)

    def news_of_presence(self, now: float) -> str:
        """What is to be said of its being out of reach, or back, on another host; mostly nothing."""
        if not self.pipe.far:
            return ""
        is_here = self.up or self.ended or self.differs or self.leaving > 0
        return self.presence.look(is_here, now, is_over=not is_here and self.is_over)

    def compare(self, state: dict[str, Any]) -> str:
        """How its copy of the graph differs from ours in this wire, if it does; each whole state tells."""
        if "open" not in state:
            return ""
        difference = self.pipe.difference(state.get("contract", ""))
        self.agrees, self.differs = not difference, bool(difference)
        self.up = self.up and self.agrees
        return difference

    def answers(self, state: dict[str, Any]) -> None:
        """It is there, and says how much it takes."""
        if not self.up:
            self.data.get(zmq.EVENTS)  # makes libzmq look: a send alone sees a new connection up to 1 ms late
        self.heard, self.up, self.credit = time.monotonic(), True, state["credit"]
        self.leaving = state.get("leaving", 0)

    def room(self, out: Outgoing) -> bool:
        credit = min(1, self.credit) if out.caution else self.credit
        if not self.up or self.alone or len(self.open) >= credit:
            return False
        return not self.sent or (len(self.sent) < WINDOW and self.bytes + len(out.payload) <= WINDOW_BYTES)

    def send(self, head: bytes, payload: bytes = b"") -> bool:
        """Whether there is a connection that takes it; if not, its next state says that there is again."""
        try:
            self.data.send(head, SEND_FIRST)
            self.data.send(payload, zmq.NOBLOCK, copy=len(payload) < NO_COPY)
        except zmq.Again:
            self.up = False
        return self.up

    def send_ping(self, wire: dict[str, Any]) -> None:
        """`wire`: what a ping says of the wire, or of what has come of it."""
        ping = {"v": VERSION, "kind": "ping", **wire, "ping": self.ping + 1, "contract": self.pipe.contract}
        if self.leaving:
            ping["left"] = self.leaving
        if self.send(pack(ping)):
            self.ping += 1

    def ping_due(self, now: float, closed: bool, idle: bool) -> bool:
        """With each beat; on one host, where two processes would wake up for nothing, less often while all is idle."""
        rests = idle and not closed and not self._was_closed and not self.pipe.far and now - self._pinged < REST
        if self.up and not rests:
            self._pinged, self._was_closed = now, closed
        return self.up and not rests

    def send_message(self, out: Outgoing, epoch: str, low: int) -> bool:
        """The same for `out`, whose payload it reads in the arena if it can."""
        if not isinstance(out.payload, Slot):
            return self.send(out.header(epoch, low), out.payload)
        if not self.arena or len(self.loans) >= LOANS:
            return self.send(out.header(epoch, low), bytes(out.payload))
        slot, self._loan = out.payload, self._loan + 1
        if not self.send(out.header(epoch, low, (slot.at, len(slot), slot.use, self._loan))):
            return False
        slot.hold()
        self.loans[self._loan] = self.ping, slot
        return True

    def clear(self) -> bool:
        """End the connections of a life before, and with them its own; whether there were any."""
        data, state = self.callers.clear(), self.others.clear()
        return data or state

    def begins_anew(self, incarnation: str) -> bool:
        """Whether this is another life of it than the last one."""
        before, self.incarnation = self.incarnation, incarnation
        if before in ("", incarnation):
            return False
        self.gone.add(before)
        self.settle({"reading": [], "echo": math.inf})  # the new one reads nothing yet
        return True

    def settle(self, state: dict[str, Any]) -> None:
        """Take back what it does not read any more, as `state`, of this epoch, says; a whole one says what it reads."""
        self.arena = state.get("memory", "")
        self.take_back(state.get("read", ()))
        if "reading" in state:
            reading = {*state["reading"]}
            self.take_back([n for n, (ping, _) in self.loans.items() if ping < state["echo"] and n not in reading])

    def take_back(self, loans: Iterable[int]) -> None:
        """It does not read these any more."""
        for loan in loans:
            if lent := self.loans.pop(loan, None):
                lent[1].let_go()

    def give(self, out: Outgoing) -> None:
        """It was sent `out`."""
        out.given.add(self)
        self.sent[out.n] = self.ping, len(out.payload)
        self.open.add(out.n)
        self.bytes += len(out.payload)
        self.alone = out.caution > 0

    def let_go(self, n: int) -> None:
        """Its user code has let go of `n`."""
        self.open.discard(n)
        self.alone = self.alone and bool(self.open)

    def forget(self, n: int) -> None:
        """`n` is finished, or goes elsewhere."""
        self.bytes -= self.sent.pop(n, (0, 0))[1]
        self.let_go(n)


def least_busy(pullers: Sequence[Puller], out: Outgoing, turn: int) -> Puller | None:
    """Of those that may have it; of several such each in its turn."""
    able = [puller for puller in pullers if puller.room(out)]
    if len(able) < 2:
        return able[0] if able else None
    turn %= len(able)
    return min(able[turn:] + able[:turn], key=lambda puller: len(puller.open))
