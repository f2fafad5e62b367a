"""The far end of a pipe in a test's hand: plain ZeroMQ sockets that send and hear any parts, right or wrong."""

import json
import tempfile
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import zmq

import bus.node
from bus.arena import Arena
from bus.death import Death
from bus.hub import Hub
from bus.link import Pipe, Sockets
from bus.marks import Marks
from bus.measures import Measures
from bus.pull import Pull
from bus.push import Push
from bus.pusher import Item
from tests.conftest import until

Header = dict[str, Any]
WIRES = 8  # out of a bench, at most
WAIT = 20.0  # seconds for what takes some milliseconds on an idle machine
META = {"stream": "s", "number": 1, "name": "a.bin", "captured": 1, "time": "captured", "hops": []}


Reach = Callable[["zmq.Socket[bytes]", str], None]


def bind(socket: "zmq.Socket[bytes]", address: str) -> None:
    socket.bind(address)


class Far:
    """One end's two sockets, bound at `address` unless `reach` does something else, and what was heard."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, data: int, state: int, reach: Reach = bind
    ) -> None:
        self.data, self.state = context.socket(data), context.socket(state)
        pipe = Pipe(address or "ipc://")
        reach(self.data, pipe.data)
        reach(self.state, pipe.state)
        self.got: list[tuple[Header, bytes]] = []  # messages and skips, or states

    def send(self, *parts: bytes) -> None:
        """Send any parts, as soon as somebody is there."""
        (self.data if self.data.type == zmq.PUSH else self.state).send_multipart(parts)


class FarPuller(Far):
    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, reach: Reach = bind) -> None:
        super().__init__(context, address, zmq.PULL, zmq.PUSH, reach)
        self.epoch, self.echo, self.pings = "", 0, list[Header]()

    def hear(self) -> list[int]:
        """The numbers of all messages and skips so far."""
        while self.data.poll(0):
            part, payload = self.data.recv_multipart()
            header = json.loads(part)
            self.epoch = header["epoch"]
            if header["kind"] == "ping":
                self.echo = header["ping"]
                self.pings.append(header)
            else:
                self.got.append((header, payload))
        return [header["n"] for header, _ in self.got]

    def say(self, **fields: Any) -> None:
        """Send a state; with `open` it is a whole one."""
        state = {"v": 1, "kind": "state", "incarnation": "one", "epoch": self.epoch, "credit": 8, "echo": self.echo}
        lists: Header = {"ended": False, "released": [], "done": [], "returned": []}
        whole: Header = {"open": [], "held": [], "hand": []} if "open" in fields else {}
        self.send(json.dumps({**state, **lists, **whole, **fields}).encode())


class FarPusher(Far):
    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", address: str, reach: Reach = bind) -> None:
        super().__init__(context, address, zmq.PUSH, zmq.PULL, reach)

    def hear(self) -> list[Header]:
        """All states so far."""
        while self.state.poll(0):
            self.got.append((json.loads(self.state.recv()), b""))
        return [state for state, _ in self.got]

    def last(self) -> Header:
        """The last state; empty if none has come."""
        return (self.hear() or [{}])[-1]

    def give(self, n: int, payload: bytes = b"x", /, **fields: Any) -> None:
        """Send a message, or what `kind` says."""
        header = {
            "v": 1,
            "kind": "message",
            "epoch": "one",
            "n": n,
            "low": 1,
            "tries": 0,
            "meta": {**META, "number": n},
        }
        self.send(json.dumps({**header, **fields}).encode(), payload)

    def ping(self, number: int, **fields: Any) -> None:
        header = {"v": 1, "kind": "ping", "epoch": "one", "low": 1, "ping": number, "closed": False, "end": False}
        self.send(json.dumps({**header, **fields}).encode(), b"")


class Told:
    """Who waits for the verdicts."""

    def __init__(self) -> None:
        self.verdicts: dict[int, tuple[str, str]] = {}

    def put(self, push: Push, *numbers: int, payload: bytes = b"x") -> None:
        for number in numbers:
            push.put({**META, "number": number}, payload, partial(self.hear, number))

    def hear(self, number: int, verdict: str, reason: str) -> None:
        assert number not in self.verdicts, "told twice"
        self.verdicts[number] = verdict, reason


Benches = TypeVar("Benches", bound="Bench")


class Bench:
    """A hub that this thread serves, and one end of a wire on it."""

    def __init__(self, folder: Path) -> None:
        self.hub, self.sockets, self.context = Hub(), Sockets(), zmq.Context[zmq.Socket[bytes]]()
        self.said: list[str] = []
        self.measures = Measures(None, "node.1", WIRES, self.said.append)
        self.books = self.measures.books
        self._pages = iter(self.books.wires)
        self.marks = Marks(folder, "pull.1")
        self._address = f"ipc://{folder}/"
        self._fars: list[FarPuller] = []  # open until the end, whoever forgets them

    def push(
        self, *peers: str, port: int = 0, arena: Arena | None = None, **options: Any
    ) -> tuple[Push, list[FarPuller]]:
        """The pushing end of a wire, over ipc; or over tcp to one peer, from `port` on."""
        addresses = {peer: f"tcp://127.0.0.1:{port}" if port else self._address + peer for peer in peers}
        fars = [FarPuller(self.context, address) for address in addresses.values()]
        self._fars += fars
        pipes = [Pipe(address, peer=peer, **options) for peer, address in addresses.items()]
        return self.pushes(*pipes, arena=arena), fars

    def say(self, words: str) -> None:
        self.said.append(words)

    def pushes(
        self,
        *pipes: Pipe,
        sockets: Sockets | None = None,
        say: Callable[[str], None] | None = None,
        arena: Arena | None = None,
    ) -> Push:
        page, clocks = next(self._pages), self.measures.clocks
        return Push(self.hub, sockets or self.sockets, [*pipes], page, clocks, arena, say or self.say, self.marks)

    def pull(self, **options: Any) -> tuple[Pull, FarPusher, deque[tuple[Pull, Item]]]:
        far, queue = FarPusher(self.context, self._address + "far.1"), deque[tuple[Pull, Item]]()
        pipe = Pipe(self._address + "far.1", peer="far.1", **options)
        before = Death([("far.1", "one", 5, "a.bin")], "node on host: was killed by SIGSEGV")
        return Pull(self.hub, self.sockets, [pipe], queue, before, self.marks, self.say), far, queue

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Serve the wire until `condition()` is true."""

        def served() -> object:
            self.hub.serve(0.005)
            return condition()

        until(served, WAIT, what)


def bench() -> AbstractContextManager[Bench]:
    return served(Bench)


@contextmanager
def served(kind: type[Benches]) -> Iterator[Benches]:
    """A bench in a folder of its own, whose sockets are closed at the end."""
    with tempfile.TemporaryDirectory(prefix="zg-test-") as folder:
        made = kind(Path(folder))
        try:
            yield made
        finally:
            made.hub.close()
            made.sockets.close()
            made.context.destroy(linger=0)


class Node(bus.node.Node):
    """A node in this process, whose input `frames` and output wires lie in the test's hands."""

    def __init__(self, folder: Path, outputs: int = 0, **options: Any) -> None:
        self.context = zmq.Context[zmq.Socket[bytes]]()
        self.far = FarPusher(self.context, f"ipc://{folder}/in")
        self.beyond = [FarPuller(self.context, f"ipc://{folder}/out{number}") for number in range(outputs)]
        pull = [Pipe(f"ipc://{folder}/in", peer="far.1", **options)]
        push = [Pipe(f"ipc://{folder}/out{number}", wire=f"out{number}", peer="beyond.1") for number in range(outputs)]
        given = Namespace(name="node.1", run=folder, key=None, grant=[str(folder)], trace=False, pull=pull, push=push)
        super().__init__(given, {"frames": True}, Marks(folder, "node.1"))
        self.folder, self.frames = folder, self.inputs["frames"]

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """What `condition()` comes to, with the wires served meanwhile."""

        def served() -> Any:
            self.breathe()
            return condition()

        return until(served, WAIT, what)

    def verdicts(self) -> dict[int, tuple[str, str]]:
        """n -> (verdict, reason) as the pusher has been told."""
        return {n: (verdict, reason) for state in self.far.hear() for n, verdict, reason in state["done"]}


@contextmanager
def node(outputs: int = 0, **options: Any) -> Iterator[Node]:
    with tempfile.TemporaryDirectory(prefix="zg-test-") as folder:
        made = Node(Path(folder), outputs, **options)
        try:
            yield made
        finally:
            made.close()
            made.context.destroy(linger=0)
