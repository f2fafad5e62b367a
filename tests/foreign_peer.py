"""A node in a foreign tongue: docs/wire.md with pyzmq and the standard library, and nothing of this project.

A filter: it upper-cases the bytes of each message, or inverts its raw pixels; without --push it is a sink. To make your
own, copy this file and foreign_wire.py and give `main` a function like `change`. One thread does everything, so that
function must return within a second: a node that is silent for two seconds is taken for dead.
"""

import argparse
import hashlib
import json
import os
import secrets
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import zmq

from tests.foreign_wire import BEAT, HEADER, Json, Letter, Pipe, Pull, Puller, Push, drain

Change = Callable[[Json, bytes], bytes]
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}
INVERTED = bytes(range(255, -1, -1))
META = HEADER - 1024  # bytes; the rest of a header is small
REASON = 200  # characters of an error that upstream is told
GOODBYE = 1.0  # seconds in which those downstream are told that the end has come


def change(meta: Json, payload: bytes) -> bytes:
    """Return the new payload. An error sends the message back as guilty."""
    if "file" in meta:
        raise ValueError(f"{meta['name']}: this example reads no files; send the bytes")
    if "raw" not in meta:
        return payload.upper()
    mode, width, height = meta["raw"]
    if len(payload) != CHANNELS[mode] * width * height:
        raise ValueError(f"{meta['name']}: {len(payload)} bytes are no {mode} of {width}x{height}")
    return payload.translate(INVERTED)


class Hand:
    """The file that tells the next life which message user code had when this one died."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        since, length = struct.unpack("<QI", os.pread(self.file, 12, 0) or bytes(12))
        self.last: list[list[Any]] = json.loads(os.pread(self.file, length, 12)) if since else []
        self.rest()

    def hold(self, *entry: Any) -> None:
        """User code runs, with this message: `[pusher, epoch, n, name]`."""
        text = json.dumps([entry]).encode()
        os.pwrite(self.file, struct.pack("<QI", time.monotonic_ns(), len(text)) + text, 0)

    def rest(self) -> None:
        """No message is to blame for what happens from now on."""
        os.pwrite(self.file, bytes(12), 0)


def notify(*lines: str) -> None:
    """Tell the supervisor (sd_notify(3)), if there is one; whether it listens is its own affair."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        address = path.replace("@", "\0", 1) if path.startswith("@") else path
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock, suppress(OSError):
            sock.sendto("\n".join(lines).encode(), address)


class Filter:
    """Pulls, changes, pushes, and says upstream what downstream has said; who pushes nowhere is done at once."""

    def __init__(
        self, function: Change, known: argparse.Namespace, digest: str, context: "zmq.Context[zmq.Socket[bytes]]"
    ) -> None:
        self.function, self.name, self.run, self.hash = function, known.name, Path(known.run), digest
        self.incarnation, self.stopped, self.next_beat = secrets.token_hex(16), False, 0.0
        self.hand = Hand(self.run / f"{self.name}.hand")
        self.pulls = [Pull(Pipe(context, text, zmq.PULL, zmq.PUSH), self.hand.last) for text in known.pull]
        self.push = Push([Puller(Pipe(context, text, zmq.PUSH, zmq.PULL)) for text in known.push])
        self.poller = zmq.Poller()
        for sock in [pull.pipe.data for pull in self.pulls] + [puller.pipe.state for puller in self.push.pullers]:
            self.poller.register(sock, zmq.POLLIN)

    def serve(self) -> None:
        """Work until everything has ended or somebody says stop."""
        while not self.stopped:
            self.turn()
            self.work()
            if self.has_ended() and not self.push.letters:
                return self.end()
        return self.notify()

    def turn(self, end: bool = False) -> None:
        """Wait for news or the next beat, hear all that has come, and say what is new."""
        ready = any(pull.open for pull in self.pulls) and not self.push.queue
        for pull in self.pulls:
            self.poller.register(pull.pipe.state, zmq.POLLOUT if pull.changed else 0)  # wakes when somebody is there
        self.poller.poll(0 if ready else max(0, round((self.next_beat - time.monotonic()) * 1000)))
        for pull in self.pulls:
            drain(pull.pipe.data, 2, pull.hear)
        for puller in self.push.pullers:
            drain(puller.pipe.state, 1, partial(self.push.hear, puller))
        if time.monotonic() >= self.next_beat:
            self.beat(end)
        for pull in self.pulls:
            if pull.changed:
                pull.tell(self.incarnation)

    def work(self) -> None:
        """Take a message of each pusher, as long as there is somebody downstream to have the result."""
        self.push.deliver()
        for pull in self.pulls:
            if pull.open and not self.push.queue:
                n, (header, payload) = next(iter(pull.open.items()))
                self.take(pull, n, header, payload)
                self.push.deliver()

    def take(self, pull: Pull, n: int, header: Json, payload: bytes) -> None:
        del pull.open[n]
        pull.changed = True
        meta = header["meta"]
        if not {"stream", "number"} <= meta.keys():
            return pull.finish(pull.epoch, n, "rejected", f"{self.name}: without stream and number")
        if header["kind"] == "message":
            self.hand.hold(pull.pipe.peer, pull.epoch, n, meta.get("name"))
            try:
                payload = self.function(meta, payload)
                meta = {**meta, "hops": [*meta["hops"], [self.name, time.time_ns()]]}
                if len(json.dumps(meta)) > META:
                    raise ValueError(f"{meta['name']} carries more than {META} bytes beside its payload")
            except Exception as error:  # whatever the function raises, upstream decides
                pull.returned.append([n, True, f"{type(error).__name__}: {error}"[:REASON]])
                return None
            finally:
                self.hand.rest()
        if not self.push.pullers:
            return pull.finish(pull.epoch, n, "done", "")
        pull.held.add(n)
        return self.push.add(Letter(header["kind"], meta, payload, partial(pull.finish, pull.epoch, n)))

    def has_ended(self) -> bool:
        return all(pull.ended and not pull.open for pull in self.pulls)

    def beat(self, end: bool) -> None:
        """Twice a second: ping downstream, look who has ended upstream, say everything again."""
        self.next_beat = time.monotonic() + BEAT
        for pull in self.pulls:
            pull.changed = True
            pull.ended = pull.ended or self.is_marked(pull.pipe.peer)
        self.push.beat(self.has_ended(), end)
        self.notify()

    def is_marked(self, replica: str) -> bool:
        return (self.run / f"{replica}.done").exists()

    def notify(self) -> None:
        status = f"STATUS={len(self.push.letters)} unfinished"
        notify("STOPPING=1" if self.stopped else "READY=1", "WATCHDOG=1", status, f"X_REPLICA={self.name}")

    def end(self) -> None:
        """Leave the mark, and tell those downstream, for a moment."""
        new = self.run / f"{self.name}.done.new"
        new.write_text(json.dumps({"hash": self.hash}))
        new.rename(self.run / f"{self.name}.done")
        self.next_beat, over = 0.0, time.monotonic() + GOODBYE
        unaware = self.push.pullers
        while unaware and time.monotonic() < over:
            self.turn(end=True)
            unaware = [puller for puller in unaware if not puller.ended and not self.is_marked(puller.pipe.peer)]

    def stop(self, *_: object) -> None:
        self.stopped = True


def main(function: Change = change) -> int:
    parser = argparse.ArgumentParser(description="Upper-case bytes, invert raw pixels.")
    for option in ("--name", "--run"):
        parser.add_argument(option, required=True)
    parser.add_argument("--pull", action="append", required=True, metavar="PIPE")
    parser.add_argument("--push", action="append", default=[], metavar="PIPE")
    for option in ("--grant", "--key"):
        parser.add_argument(option, action="append", help="not needed here")
    known = parser.parse_args()
    digest = hashlib.sha256("\0".join(sys.argv[1:]).encode(errors="surrogateescape")).hexdigest()
    mark = Path(known.run) / f"{known.name}.done"
    if mark.exists() and json.loads(mark.read_bytes()).get("hash") == digest:
        return 0
    os.umask(0o077)  # sockets and files are for their owner alone
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        node = Filter(function, known, digest, context)
        signal.signal(signal.SIGTERM, node.stop)
        signal.signal(signal.SIGINT, node.stop)
        node.serve()
    except ValueError as error:
        parser.error(str(error))
    finally:
        context.destroy(linger=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
