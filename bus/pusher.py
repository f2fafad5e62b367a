"""What a puller knows of one pusher replica, and of one message that came from it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import zmq

from bus.arena import Address
from bus.callers import Callers
from bus.death import Death
from bus.farewell import SILENT, Farewell
from bus.header import MAX_HEADER, Malformed
from bus.link import MAX_PART, Pipe, Sockets
from bus.marks import Marks
from bus.presence import WORD, Presence
from bus.puller import WINDOW
from bus.refusals import Refusals
from bus.shared import Shared
from bus.superseded import Gone

if TYPE_CHECKING:
    from bus.order import Line

REMEMBERED = 4096  # finished messages that a puller knows, per pusher; an older one is done again at worst
SPARE = 2  # times its credit, MAX_PART, and what waits for others, that may be queued of a pusher
MAX_REASON = 200  # characters of the words that travel with a verdict
SPACE_RETURNED, SPACE_DONE = MAX_HEADER // 8, MAX_HEADER // 4  # bytes of a state that verdicts may take
SPACE_EACH = 40  # bytes of a verdict without its words, at most

Verdicts = list[tuple[int, Any, str]]  # (n, verdict or guilty, words)


class Item:
    """One message that came and is not finished."""

    __slots__ = ("arrived", "epoch", "line", "meta", "n", "payload", "pusher", "skip", "tries")

    def __init__(self, pusher: Pusher, header: dict[str, Any], payload: bytes | memoryview) -> None:
        self.pusher, self.epoch, self.n, self.payload = pusher, pusher.epoch, header["n"], payload
        self.arrived = time.time_ns()
        self.skip: bool = header["kind"] == "skip"
        self.meta: dict[str, Any] = header["meta"]
        self.tries: int = header["tries"]  # above 0: it may be deadly
        self.line: Line | None = None  # where its order counts: what it waits in, or has waited in


class Pusher:
    """What a puller knows of one pusher replica."""

    def __init__(self, sockets: Sockets, pipe: Pipe, refusals: Refusals) -> None:
        self.pipe, self.name = pipe, pipe.peer
        self.data = sockets.open(zmq.PULL, pipe.data, pipe)
        self.state = sockets.open(zmq.PUSH, pipe.state, pipe)
        self.callers = Callers(self.state, pipe.state, pipe, sockets, refusals)
        self.others = Callers(self.data, pipe.data, pipe, sockets, refusals, aside=True)
        self.presence, self.heard = Presence(self.name), 0.0  # when it was heard last, by time.monotonic
        self.gone = Gone()  # epochs that are no more
        self.agrees = True  # its copy of the graph says the same of this wire, as far as is known
        self.reset("")

    def news_of_presence(self, now: float) -> str:
        """What is to be said of its being out of reach, or back, on another host; mostly nothing."""
        is_here = self.ended or now - self.heard < WORD
        return self.presence.look(is_here, now, is_over=self.is_marked) if self.pipe.far else ""

    def reset(self, epoch: str) -> None:
        """The pusher has restarted: all that was between us is void."""
        self.epoch, self.echo, self.low = epoch, 0, 0
        self.closed = self.ended = False
        self.is_marked = False  # a mark alone says that it has ended: it may have been spare, and begin again
        self.farewell = Farewell()
        self.shared: Shared | None = None  # its arena, if we read that
        self.offered = ""  # the token of the arena that it has told us of, if that was tried for good
        self._missed = ""  # the token of one that could not be had
        self.open: dict[int, Item] = {}  # queued or in user code
        self.held: set[int] = set()  # user code has let go, downstream has not finished; or it waits for others
        self.aside: dict[int, int] = {}  # those that wait, or have waited, and are not finished: n -> bytes
        self.done: dict[int, tuple[str, str]] = {}  # finished -> (verdict, reason), until the pusher's low passes it
        self.released: list[int] = []  # news since the last state
        self.finished: dict[int, None] = {}
        self.returned: list[tuple[int, bool, str]] = []

    def finish(self, n: int, verdict: str, reason: str) -> None:
        """`n` is finished, with everything that was made of it."""
        self.forget(n)
        self.done[n] = verdict, reason[:MAX_REASON]
        self.finished[n] = None
        if len(self.done) > REMEMBERED:
            del self.done[next(iter(self.done))]

    def forget(self, n: int) -> None:
        """It is not here any more."""
        self.open.pop(n, None)
        self.held.discard(n)
        self.aside.pop(n, None)

    def room(self, payload: bytes | memoryview, credit: int) -> bool:
        """Whether it may have sent this: one that was out of reach may have sent twice its credit, and nobody more."""
        queued = sum(len(item.payload) for item in self.open.values()) + sum(self.aside.values())
        few = len(self.open) < SPARE * credit and len(self.aside) < SPARE * WINDOW
        return few and (not queued or queued + len(payload) <= SPARE * MAX_PART)

    def share(self, arena: Address) -> str:
        """Read its payloads in its arena from now on; or why that cannot be, in words.

        The first failure may be that it has just ended: the next time that it tells of the arena is another try.
        """
        is_last, self._missed = arena.token == self._missed, arena.token
        try:
            self.shared = Shared(arena)
        except (OSError, Malformed) as error:
            words = getattr(error, "strerror", None) or str(error)
        else:
            is_last, words = True, ""
        self.offered = arena.token if is_last else ""
        return words if is_last else ""

    def lent(self, at: int, length: int, use: int, loan: int) -> memoryview:
        """The payload that it has sent in this way. Raises Malformed."""
        if self.shared is None:
            raise Malformed("a payload that lies in an arena, without having one")
        return self.shared.view(at, length, use, loan)

    def forget_news(self) -> None:
        """It does not listen: what the next whole state says anyway need not wait, and of the rest not all."""
        self.released = []
        del self.returned[:-REMEMBERED]

    def prune(self, low: int) -> None:
        """The pusher asks no more about what is below `low`."""
        if low > self.low:
            self.low = low
            self.done = {n: verdict for n, verdict in self.done.items() if n >= low}

    @property
    def news(self) -> int:
        return len(self.released) + len(self.finished) + len(self.returned)

    def look_for_mark(self, marks: Marks, now: float) -> None:
        """Learn that it has ended; but who is heard on another host speaks for itself: it may have begun again."""
        if self.pipe.far and now - self.heard < WORD:
            marks.revoke(self.name, self.epoch)
        else:
            self.ended = self.is_marked = marks.ended(self.name)

    def is_through(self, now: float) -> bool:
        """Whether a replica that leaves owes it nothing, or it is not there to be told."""
        if self.ended or now - self.heard > SILENT:
            return True
        return not (self.open or self.held or self.news) and self.farewell.is_over(now)

    # ---- what a state says of its messages

    def news_of_messages(self, whole: bool) -> dict[str, Any]:
        """What it does not know yet; with `whole` the verdicts that it may know, too."""
        numbers = dict.fromkeys([*self.finished, *reversed(self.done)]) if whole else self.finished
        news: dict[str, Any] = {
            "epoch": self.epoch,
            "echo": self.echo,
            "ended": self.ended,
            "released": self.released,
            "returned": _as_many_as_fit(self.returned, SPACE_RETURNED),
            "done": _as_many_as_fit(((n, *self.done[n]) for n in numbers if n in self.done), SPACE_DONE),
        }
        if self.shared:
            news["memory"], news["read"] = self.shared.token, self.shared.read()
        return news

    def all_of_messages(self, before: Death) -> dict[str, Any]:
        """What is here, and what the last life of this replica, which ended as `before` says, had in hand."""
        hand = [(epoch, n) for name, epoch, n, _ in before.hand if name == self.name]
        known: dict[str, Any] = {"open": [*self.open], "held": [*self.held], "hand": hand}
        if hand:
            known["death"] = before.words[:MAX_REASON]
        if self.pipe.contract:
            known["contract"] = self.pipe.contract
        if self.shared:
            known["reading"] = self.shared.reading
        return known

    def was_told(self, state: dict[str, Any]) -> None:
        """This state is on its way to it."""
        told = {n for n, _, _ in state["done"]}
        self.released, self.returned = [], self.returned[len(state["returned"]) :]
        self.finished = {n: None for n in self.finished if n in self.done and n not in told}


def _as_many_as_fit(verdicts: Iterable[tuple[int, Any, str]], space: int) -> Verdicts:
    """The first of `verdicts` that take no more than `space` bytes as JSON, where a character may take six."""
    fitting = []
    for one in verdicts:
        space -= SPACE_EACH + 6 * len(one[2])
        if space < 0:
            break
        fitting.append(one)
    return fitting
