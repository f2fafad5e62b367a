"""A program at work for the splitter, in a process group of its own: it is heard with patience, and goes with us."""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeAlias

from bus import idle
from media.sources.job import BadData
from media.sources.video import BEAT

LEASH = str(Path(__file__).with_name("leash.py"))
CHUNK = 1 << 20  # bytes read at a time, which is also what Linux lets a pipe hold at most
LAST = 2.0  # seconds that one which was killed gets to end: one that hangs in a driver or a dead network disk may not

Worker: TypeAlias = subprocess.Popen[bytes]
Heard: TypeAlias = tuple[IO[bytes], bytes]  # a pipe, and what came out of it; nothing: its end


class WorkerDied(BadData):
    """The program that reads the source died or hung: the source may be whole, and can be read again."""


@contextmanager
def at_work(
    command: Sequence[str],
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    told: bytes = b"",
    more: bool = False,
) -> Iterator[Worker]:
    """`command` running in `folder`, with `told` on its standard input; killed at the end of the with-block.

    With `more` its standard input stays open.
    """
    worker = subprocess.Popen(
        [sys.executable, "-I", "-S", LEASH, str(os.getpid()), *command],
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _widen(worker)
        _tell(worker, told, more)
        yield worker
    finally:
        if worker.returncode is None:
            os.killpg(worker.pid, signal.SIGKILL)
        for pipe in (worker.stdout, worker.stderr, worker.stdin):
            if pipe:
                with suppress(BrokenPipeError):  # what it ended without reading is tried once more
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(LAST)


def heard(worker: Worker) -> Iterator[Heard | None]:
    """What comes out of the worker's pipes until both have ended, and None whenever nothing came for BEAT seconds."""
    with selectors.DefaultSelector() as pipes:
        for pipe in (worker.stdout, worker.stderr):
            if pipe:
                pipes.register(pipe, selectors.EVENT_READ, pipe)
        while pipes.get_map():
            with idle():
                ready = pipes.select(BEAT)
            if not ready:
                yield None
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    pipes.unregister(key.data)
                yield key.data, chunk


class Patience:
    """How long a source may give nothing. Only time in which it is listened to counts."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """There was a frame; or who takes them has just come back for more."""
        self._since = time.monotonic()

    @property
    def lost(self) -> bool:
        return time.monotonic() - self._since > self._seconds


def ending(worker: Worker) -> str:
    """How a worker that has closed its pipes ended, in words; empty if it ended well."""
    try:
        code = worker.wait(LAST)
    except subprocess.TimeoutExpired:
        return "said its last word, and did not end"
    if not code:
        return ""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _widen(worker: Worker) -> None:
    """Let a whole frame fit into the pipe, if this user may have one more that is so wide: Linux grants him 64 MB."""
    assert worker.stdout
    with suppress(PermissionError):
        fcntl.fcntl(worker.stdout, fcntl.F_SETPIPE_SZ, CHUNK)


def _tell(worker: Worker, words: bytes, more: bool) -> None:
    assert worker.stdin
    with suppress(BrokenPipeError):  # it has died already; how, its end will say
        worker.stdin.write(words)
        worker.stdin.flush() if more else worker.stdin.close()
