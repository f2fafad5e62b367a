"""A stand-in: what the launcher sees of a replica that runs on another machine, which Ray has given.

A program of its own, with nothing but the standard library: `python standin.py <run>/<pool>.pool ORDER WORDS…`, the
order as JSON, and behind it the words of the node's own command line. It hands the order to the pool's placer, lets the
run folder here have what is in that of the machine, and ends as the node there has ended. Between the two go lines of
JSON, see docs/pool.md: Stand-in and placer.
"""

import base64
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

GLANCE = 0.2  # seconds between two looks at what the launcher writes, or at whether the placer is there
BEAT = 1.0  # seconds between two notices: one that found the launcher's socket full is lost
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # they are for the node
CHUNK = 1 << 20  # bytes


class StandIn:
    """One life of it."""

    def __init__(self, address: Path, order: dict[str, Any]) -> None:
        self._run, self._address, self._order = address.parent, address, order
        self._replica = order["replica"]
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.setblocking(False)
        self._notice, self._beats_at = b"", 0.0
        self._ended: list[str] = []  # the pushers that have ended, as the placer knows them
        self._rest = b""  # of a line that is not whole yet
        self._selector = selectors.DefaultSelector()

    def live(self) -> None:
        """Connect, and pass on what comes until the end comes."""
        self._placer = self._connect()
        self._hear_signals()
        self._placer.sendall(_line({"order": self._order, **self._past()}))
        self._selector.register(self._placer, selectors.EVENT_READ, self._read)
        while True:
            for key, _ in self._selector.select(GLANCE):
                key.data()
            self._tell_who_has_ended()
            if time.monotonic() >= self._beats_at:
                self._beat()

    def _connect(self) -> socket.socket:
        """The placer, as soon as it is there. Until then a signal ends this process as it would end any."""
        self._place({"state": "pending", "why": "its placer is being started", "machine": "", "since": time.time()})
        while True:
            placer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                placer.connect(str(self._address))
            except (FileNotFoundError, ConnectionRefusedError):
                placer.close()
                time.sleep(GLANCE)
            else:
                return placer

    def _hear_signals(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        for number in PASSED_ON:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writing)

        def pass_on() -> None:
            for number in os.read(reading, 64):
                self._say({"signal": number})

        self._selector.register(reading, selectors.EVENT_READ, pass_on)

    def _past(self) -> dict[str, Any]:
        """What earlier lives have left here; it may be that another machine had them."""
        self._ended = self._all_that_ended()
        mark, death = (self._left(suffix) for suffix in ("done", "death"))
        texts = {"mark": mark and mark.decode(), "death": death and death.decode(errors="replace")}
        bodies = {suffix: self._left(suffix) for suffix in ("books", "hand")}
        coded = {suffix: None if body is None else base64.b64encode(body).decode() for suffix, body in bodies.items()}
        return {**texts, **coded, "ended": self._ended}

    def _left(self, suffix: str) -> bytes | None:
        try:
            return (self._run / f"{self._replica}.{suffix}").read_bytes()
        except FileNotFoundError:
            return None

    def _all_that_ended(self) -> list[str]:
        """Of the pushers, as bus/marks.py would find it on one host."""
        return [
            pusher
            for pusher in self._order["pushers"]
            if (self._run / f"{pusher}.done").exists() or (self._run / f"{self._replica}.heard.{pusher}").exists()
        ]

    def _tell_who_has_ended(self) -> None:
        if (ended := self._all_that_ended()) != self._ended:
            self._ended = ended
            self._say({"ended": ended})

    def _say(self, words: dict[str, Any]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # then its end is read, which says why
            self._placer.sendall(_line(words))

    def _read(self) -> None:
        try:
            chunk = self._placer.recv(CHUNK)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            print(f"the placer of {self._order['pool']} is gone, and what it had placed with it", flush=True)
            sys.exit(1)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            for kind, value in json.loads(line):
                self._hear(kind, value)

    def _hear(self, kind: str, value: Any) -> None:
        if kind == "line":
            print(value, flush=True)
        elif kind == "notice":
            self._notice = value.encode()
            self._beat()
        elif kind == "place":
            self._place(value)
        elif kind == "mark":
            self._write("done", value.encode())
        elif kind == "hand" and value is None:
            (self._run / f"{self._replica}.hand").unlink(missing_ok=True)
        elif kind in ("books", "hand"):
            self._write(kind, base64.b64decode(value))
        elif kind == "exit":
            end(value)

    def _place(self, place: dict[str, Any]) -> None:
        self._write("place", json.dumps(place).encode())

    def _write(self, suffix: str, body: bytes) -> None:
        """So that nobody reads half of it. Without room for it what stood there stays, and that is tried again."""
        path = self._run / f"{self._replica}.{suffix}"
        fresh = path.with_name(f"{path.name}.fresh")
        try:
            fresh.write_bytes(body)
            fresh.replace(path)
        except OSError as error:
            print(f"{path} cannot be written: {error.strerror}", flush=True)
            if suffix == "done":
                sys.exit(1)  # an end that nobody can see is none: the next life has to come to it again

    def _beat(self) -> None:
        self._beats_at = time.monotonic() + BEAT
        address = os.environ.get("NOTIFY_SOCKET", "")
        if self._notice and address:
            with suppress(OSError):  # a launcher that is busy or gone must not hold up the rest
                self._notices.sendto(self._notice, address)


def order_of(words: str, argv: list[str]) -> dict[str, Any]:
    """The order, with what stands in no command line but its own: the node's, and the values of its variables."""
    order: dict[str, Any] = json.loads(words)
    return {**order, "argv": argv, "env": {name: os.environ[name] for name in order["env"]}}


def end(code: int) -> None:
    """End as the node has: with an exit code, or, where that is -N, by the signal N."""
    if code >= 0:
        sys.exit(code)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what went wrong is not in this process
    with suppress(OSError):  # SIGKILL
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    sys.exit(128 - code)  # it was one that ends nobody


def _line(words: dict[str, Any]) -> bytes:
    return json.dumps(words).encode() + b"\n"


if __name__ == "__main__":
    StandIn(Path(sys.argv[1]), order_of(sys.argv[2], sys.argv[3:])).live()
