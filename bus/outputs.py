"""What goes out of a node: where each yield is sent, and what becomes of the messages that this node owns."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from bus.arena import LARGE, Arena, Slot
from bus.chain import Unit, Verdict, nobody
from bus.deadletters import DeadLetters
from bus.link import MAX_PART
from bus.measures import Measures
from bus.message import Message
from bus.meta import BODY, facts, packed, without_body
from bus.parcel import Parcel
from bus.push import Push
from bus.taken import Taken

MOST_STREAMS = 10_000  # whose numbers are followed on all wires together


class Misuse(Exception):
    """Raised when a node yields what cannot be sent: the node is wrong, not the message."""


class Outputs:
    """The wires out of a replica. Every method but `pick` is called with the hub's lock held."""

    def __init__(self, replica: str, measures: Measures, say: Callable[[str], None]) -> None:
        self.wires: list[Push] = []
        self._named: dict[str, list[Push]] = defaultdict(list)
        self._replica, self._measures, self._books = replica, measures, measures.books
        self.dead = DeadLetters(Path("dead-letters", replica.rpartition(".")[0] or replica).absolute(), say)
        self.arena = Arena()
        self._made = 0  # messages of its own that this node has numbered
        self._passed_on: set[str] = set()  # streams whose numbers are for others to follow
        self._next: dict[tuple[Push, str], tuple[int, int]] = {}  # wire, stream -> its next number, and its latest time

    @property
    def idle(self) -> bool:
        """Whether everything that was sent is finished."""
        return self.dead.idle and all(push.idle for push in self.wires)

    def add(self, output: str, push: Push) -> None:
        self.wires.append(push)
        self._named[output].append(push)

    def pick(self, out: object) -> tuple[Message, list[Push]]:
        """The message and the wires that user code means by yielding `out`. Raises Misuse."""
        output, message = out if isinstance(out, tuple) and len(out) == 2 else ("", out)
        if not isinstance(message, Message) or not isinstance(output, str):
            kind = type(message).__name__
            raise Misuse(f"yielded {kind}: yield a message (frame.replace(…)), None, or an output's name and a message")
        if output not in self._named and self._named:
            raise Misuse(f'yielded to the output "{output}", but its outputs are {", ".join(sorted(self._named))}')
        return message, self._named.get(output, [])

    def number(self, message: Message) -> None:
        """A node numbers what it makes itself, unless its function does or the message carries news only."""
        if message.number is None and not message.empty:
            self._made += 1
            message.number = self._made

    def send(self, message: Message, wires: Sequence[Push], holding: Sequence[Taken]) -> None:
        """Put `message` on `wires`. All that is in hand waits for it; its verdict is that of what it was made of.

        Raises ValueError, or OSError, if it cannot travel.
        """
        forms = [push for push in wires if not push.takes_all and push.wants_form(message)]
        meta, payload = (facts(message), b"") if forms and len(forms) == len(wires) else message.dump()
        meta["hops"] = [*message.hops, (self._replica, time.time_ns())]
        made = [taken for taken in holding if taken.made(message)]
        sources = made + [taken.partner for taken in made if taken.partner] or holding
        if sources:
            meta["name"] = _unique(sources[0], message, meta["name"])
        text = packed(meta)
        if len(payload) > MAX_PART and not all(push.local or push in forms for push in wires):
            raise ValueError(f"{message!r} has {len(payload)} bytes; at most {MAX_PART} cross a network")
        parcel = Parcel(message) if forms else None
        body = self._body(payload, wires)
        for taken in holding:
            taken.unit.add()
        for taken in sources:
            taken.went(wires, message.stream, message.number)
        finish = _upstream(holding, sources)
        if message.finish is not None or not holding:
            self._leave_out(message, wires)
            finish = self._owner(message, meta, body, parcel, finish)
        whole = Unit(self._counted(finish, body), parts=len(wires) + 1)
        for push in wires:
            if parcel and push in forms:
                push.put(without_body(meta), b"", whole.drop, parcel.form(push.encoding))
            else:
                push.put(meta, body, whole.drop, text=text)
        if parcel:
            parcel.keep()
        whole.drop("" if wires else "done")
        self._measures.made(message, meta["name"], is_source=not holding)

    def skip(self, meta: dict[str, Any], unit: Unit, served: Collection[Push] = ()) -> None:
        """Tell each wire that got nothing for the input `meta` that it will not; `unit` waits for that too."""
        if meta["number"] is not None and len(self._passed_on) < MOST_STREAMS:
            self._passed_on.add(meta["stream"])
        for push in self.wires:
            if push not in served:
                unit.add()
                push.skip(meta, lambda verdict, reason: unit.drop())

    def _leave_out(self, message: Message, wires: Sequence[Push]) -> None:
        """Each wire is to know which numbers before that of `message`, which this node owns, it does not get."""
        if message.number is None or message.stream in self._passed_on:
            return
        for push in wires:
            place = push, message.stream
            if place not in self._next and len(self._next) >= MOST_STREAMS:
                continue
            number, latest = self._next.get(place, (0, 0))
            if message.number < number and message.captured > latest:
                number = 0  # its stream begins anew
            if message.number > number:
                push.skip({"stream": message.stream, "number": number, "last": message.number - 1}, nobody)
            self._next[place] = max(number, message.number + 1), max(latest, message.captured)

    def _body(self, payload: bytes | memoryview, wires: Sequence[Push]) -> bytes | Slot:
        """The payload as it stays until its message is finished, whatever becomes of what user code has yielded."""
        shared = len(payload) >= LARGE and any(push.shares for push in wires)
        return (self.arena.place(payload) if shared else None) or bytes(payload)

    def _counted(self, finish: Verdict, body: bytes | Slot) -> Verdict:
        def counted(verdict: str, reason: str) -> None:
            self._books["sent"] += 1
            finish(verdict, reason)
            if isinstance(body, Slot):
                body.let_go()

        return counted

    def _owner(
        self, message: Message, meta: dict[str, Any], body: bytes | Slot, parcel: Parcel | None, upstream: Verdict
    ) -> Verdict:
        """What becomes of this message is decided here, and then passed on: upstream of its owner it is done."""
        captured, finish = self._measures.clocks.captured(message.hops, message.captured), message.finish
        counted = message.number is not None  # what has no number is no frame: news that a node sends on
        self._books["taken"] += counted
        self._books["on_the_way"] += counted

        def finished(verdict: str, reason: str) -> None:
            if finish is not None:
                verdict = "again" if finish(verdict, reason) is True else verdict
            elif verdict == "rejected":
                self.dead.put(*_letter(meta, body, parcel), reason, lambda: count(verdict))
                return
            count(verdict)

        def count(verdict: str) -> None:
            if verdict == "again":
                self._books["taken"] -= counted
            else:
                self._books[{"done": "done", "rejected": "dead"}.get(verdict, "dropped")] += counted
            self._books["on_the_way"] -= counted
            if verdict == "done" and counted:
                self._books.note("latency", (time.time_ns() - captured) / 1e9)
            upstream("done", "")

        return finished


def _letter(meta: dict[str, Any], body: bytes | Slot, parcel: Parcel | None) -> tuple[dict[str, Any], bytes]:
    """What a dead letter is written of: what was sent, if no wire was given more."""
    fields, payload = parcel.letter() if parcel and not BODY.keys() & meta else ({}, bytes(body))
    return {**meta, **fields}, payload


def _upstream(holding: Sequence[Taken], sources: Sequence[Taken]) -> Verdict:
    units = [(taken.unit, taken in sources) for taken in holding]  # and not their messages, which may be large

    def passed_on(verdict: str, reason: str) -> None:
        for unit, has_say in units:
            if has_say:
                unit.drop(verdict, reason)
            else:
                unit.drop()

    return passed_on


def _unique(source: Taken, message: Message, name: str) -> str:
    """The second result of one input under the same name gets `.2`."""
    key = message.stream, message.number, name
    source.names[key] += 1
    count = source.names[key]
    if count == 1 or not name:
        return name
    folder, slash, base = name.rpartition("/")
    stem, dot, suffix = base.rpartition(".")
    return folder + slash + (f"{stem}.{count}.{suffix}" if dot else f"{base}.{count}")
