"""The wire of docs/wire.md in a foreign tongue: pyzmq and the standard library, and nothing of this project.

It speaks ipc only, as tcp needs CURVE keys, and pushes no keep=latest. `foreign_peer.py` makes a node of it.
"""

import json
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zmq

Json = dict[str, Any]
BEAT, SILENCE = 0.5, 2.0  # seconds: between pings and between states; without a state a puller is gone
HEADER, UNFINISHED, UNFINISHED_BYTES = 65_536, 64, 64 << 20  # bytes of a header; messages and bytes at one puller
REMEMBERED = 256  # verdicts in a state, so that it stays below HEADER; what is left out comes again and is told then
TRIES = 3  # deaths and errors that make a message a dead letter


class Pipe:
    """Our end of a pipe: its two sockets, and the replica at the other end."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", text: str, data: int, state: int) -> None:
        address, *options = text.removeprefix("@").split(",")
        self.options = dict(option.split("=", 1) for option in options)
        self.peer, self.keep = self.options.get("peer", ""), self.options.get("keep", "all")
        if not address.startswith("ipc://") or not self.peer or (data == zmq.PUSH and self.keep != "all"):
            raise ValueError(f"{text}: this example needs ipc and a peer, and pushes no keep=latest")
        self.data, self.state = context.socket(data), context.socket(state)
        for sock, end in ((self.data, ".d"), (self.state, ".s")):
            values = {zmq.LINGER: 0, zmq.SNDHWM: 1000, zmq.RCVHWM: 1000, zmq.RECONNECT_IVL: 20}
            values |= {zmq.RECONNECT_IVL_MAX: 200} | ({zmq.IMMEDIATE: 1} if sock.type == zmq.PUSH else {})
            for option, value in values.items():
                sock.setsockopt(option, value)
            (sock.bind if text.startswith("@") else sock.connect)(address + end)


def send(sock: "zmq.Socket[bytes]", header: Json, *parts: bytes) -> bool:
    """Send without waiting; false where nobody is at the other end."""
    with suppress(zmq.Again):
        sock.send_multipart([json.dumps({"v": 1} | header).encode(), *parts], zmq.NOBLOCK)
        return True
    return False


def drain(sock: "zmq.Socket[bytes]", parts: int, hear: Callable[..., None]) -> None:
    """Hand all that waits on `sock` to `hear`; log and ignore what is not of the wire."""
    while sock.poll(0):
        got = sock.recv_multipart()
        try:
            if len(got) != parts or len(got[0]) > HEADER or json.loads(got[0])["v"] != 1:
                raise ValueError(f"{len(got)} parts, the first of {len(got[0])} bytes")
            hear(json.loads(got[0]), *got[1:])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            print(f"ignores what is not of the wire: {error!r}", file=sys.stderr, flush=True)


class Pull:
    """What comes from one pusher, and what it is told. Each state is a whole one, so nothing is lost for good."""

    def __init__(self, pipe: Pipe, hand: list[list[Any]]) -> None:
        self.pipe, self.ended, self.changed = pipe, False, True
        self.credit = 1 if pipe.keep == "latest" else int(pipe.options.get("prefetch", 8))
        self.hand = [[epoch, n] for pusher, epoch, n, _ in hand if pusher == pipe.peer]
        self.epochs: set[str] = set()
        self.begin("")

    def begin(self, epoch: str) -> None:
        """Start with a life of the pusher: nothing from the one before counts any more."""
        self.epoch, self.echo = epoch, 0
        self.epochs.add(epoch)
        self.open: dict[int, tuple[Json, bytes]] = {}
        self.held: set[int] = set()
        self.done: dict[int, list[Any]] = {}
        self.returned: list[list[Any]] = []

    def hear(self, header: Json, payload: bytes) -> None:
        epoch, low, kind = header["epoch"], header["low"], header["kind"]
        if epoch != self.epoch:
            if epoch in self.epochs:
                return
            self.begin(epoch)
        self.changed = True
        self.done = {n: line for n, line in self.done.items() if n >= low}
        self.open = {n: item for n, item in self.open.items() if n >= low}
        if kind == "ping":
            self.echo, self.ended = header["ping"], self.ended or header["end"]
        elif kind not in ("message", "skip") or not isinstance(header["meta"], dict):
            raise ValueError(f"a {kind!r} without meta")
        elif header["n"] >= low and not any(header["n"] in known for known in (self.open, self.held, self.done)):
            self.open[header["n"]] = (header, payload)

    def finish(self, epoch: str, n: int, verdict: str, reason: str) -> None:
        if epoch == self.epoch:
            self.held.discard(n)
            self.done[n] = [n, verdict, reason]
            self.changed = True

    def tell(self, incarnation: str) -> None:
        state = {"kind": "state", "incarnation": incarnation, "epoch": self.epoch, "echo": self.echo}
        state |= {"credit": self.credit, "ended": self.ended, "hand": self.hand}
        state |= {"open": list(self.open), "held": list(self.held), "released": list(self.held)}
        state |= {"done": list(self.done.values())[-REMEMBERED:], "returned": self.returned}
        if send(self.pipe.state, state):
            self.returned, self.changed = [], False


@dataclass
class Letter:
    """A message or skip that is not finished downstream, and who waits upstream for the verdict."""

    kind: str
    meta: Json
    payload: bytes
    tell: Callable[[str, str], None]
    tries: int = 0


@dataclass
class Puller:
    """What is known of one puller."""

    pipe: Pipe
    incarnation: str = ""
    credit: int = 0
    heard: float = 0.0  # when its last state came; 0: it is not there
    ping: int = 0
    ended: bool = False
    gone: set[str] = field(default_factory=set)  # incarnations that are no more
    blamed: bool = False  # the hand of this incarnation has been counted
    given: dict[int, int] = field(default_factory=dict)  # n: the number of the last ping before it
    busy: set[int] = field(default_factory=set)  # those of them that it has not released


class Push:
    """The wire that goes out: each letter stays here until its verdict has come."""

    def __init__(self, pullers: list[Puller]) -> None:
        self.pullers, self.epoch, self.n, self.beaten = pullers, secrets.token_hex(16), 0, 0.0
        self.letters: dict[int, Letter] = {}
        self.queue: set[int] = set()  # those of them that no puller has

    def add(self, letter: Letter) -> None:
        """Send this as soon as somebody can have it."""
        self.n += 1
        self.letters[self.n] = letter
        self.queue.add(self.n)

    def hear(self, puller: Puller, state: Json) -> None:
        if state["epoch"] == self.epoch:
            for n, verdict, reason in state["done"]:
                self.finish(n, verdict, reason)
        if state["incarnation"] in puller.gone:
            return
        if state["incarnation"] != puller.incarnation:
            puller.gone.add(puller.incarnation)
            puller.incarnation, puller.blamed = state["incarnation"], False
            self.take_back(puller, list(puller.given))
        puller.heard, puller.credit = time.monotonic(), state["credit"]
        if "hand" in state and not puller.blamed:
            puller.blamed = True
            for n in (n for epoch, n in state["hand"] if epoch == self.epoch):
                self.blame(n, f"{puller.pipe.peer} died of it")
        if state["epoch"] != self.epoch:
            return
        puller.ended = state["ended"]
        for n, guilty, reason in state["returned"]:
            if n in puller.given:
                self.take_back(puller, [n])
                if guilty:
                    self.blame(n, reason)
        puller.busy.difference_update(state["released"], state.get("held", []))
        if "open" in state:
            there = {*state["open"], *state["held"]}
            lost = [n for n, ping in puller.given.items() if ping < state["echo"] and n not in there]
            self.take_back(puller, lost)

    def take_back(self, puller: Puller, lost: list[int]) -> None:
        for n in lost:
            del puller.given[n]
            puller.busy.discard(n)
            if not any(n in other.given for other in self.pullers):
                self.queue.add(n)

    def blame(self, n: int, reason: str) -> None:
        """Count a guilty death; at the third, a skip goes in the place of the message and upstream hears why."""
        if n not in self.letters:
            return
        letter = self.letters[n]
        letter.tries += 1
        if letter.tries == TRIES and letter.meta["number"] is None:
            self.finish(n, "rejected", reason)
        elif letter.tries == TRIES:
            skip = {"stream": letter.meta["stream"], "number": letter.meta["number"], "last": letter.meta["number"]}
            self.letters[n] = Letter("skip", skip, b"", lambda *_: letter.tell("rejected", reason))

    def finish(self, n: int, verdict: str, reason: str) -> None:
        if n in self.letters:
            self.letters.pop(n).tell(verdict, reason)
            self.queue.discard(n)
            for puller in self.pullers:
                puller.given.pop(n, None)
                puller.busy.discard(n)

    def may_have(self, puller: Puller, letter: Letter) -> bool:
        size = sum(len(self.letters[n].payload) for n in puller.given) + len(letter.payload)
        room = not puller.given or (len(puller.given) < UNFINISHED and size <= UNFINISHED_BYTES)
        alone = letter.tries or any(self.letters[n].tries for n in puller.busy)
        return bool(puller.heard) and len(puller.busy) < puller.credit and room and not (alone and puller.busy)

    def deliver(self) -> None:
        while self.queue:
            n = min(self.queue)  # what was taken back is older than what is new
            letter = self.letters[n]
            able = [puller for puller in self.pullers if self.may_have(puller, letter)]
            if not able:
                return
            puller = min(able, key=lambda puller: len(puller.busy))
            header = {"kind": letter.kind, "epoch": self.epoch, "n": n, "low": min(self.letters)}
            if send(puller.pipe.data, header | {"tries": letter.tries, "meta": letter.meta}, letter.payload):
                self.queue.remove(n)
                puller.given[n] = puller.ping
                puller.busy.add(n)
            else:
                puller.heard = 0.0

    def beat(self, closed: bool, end: bool) -> None:
        """Ping each puller that is there, after taking back what those had that are silent."""
        now, low = time.monotonic(), min(self.letters, default=self.n + 1)
        slept, self.beaten = now - self.beaten > 2 * BEAT, now
        for puller in self.pullers:
            if now - puller.heard > SILENCE and not slept:
                puller.heard = 0.0
                self.take_back(puller, list(puller.given))
            if puller.heard:
                puller.ping += 1
                ping = {"kind": "ping", "epoch": self.epoch, "low": low, "ping": puller.ping}
                send(puller.pipe.data, ping | {"closed": closed, "end": end}, b"")
