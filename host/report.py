"""Lines for whoever started the launcher: `12:00:01 converter.2 | text`."""

import errno
import os
import re
import select
import time
from collections.abc import Collection
from itertools import cycle

GRAPH = "graph"  # the name under which the launcher speaks of the graph as a whole
COLOURS = (36, 33, 32, 35, 34, 31)  # cyan, yellow, green, magenta, blue, red: SGR codes
ROOM = 1 << 20  # bytes kept for a reader that does not read; then lines are dropped and counted
CHUNK = select.PIPE_BUF  # bytes that a pipe takes without blocking when poll says that it is writable
LAST_WORDS = 1.0  # seconds that a slow reader, or a full disk, has at the end
RETRY = 1.0  # seconds between two tries to write to a file whose disk refuses
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # by a disk, for the time being

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")  # CSI and OSC sequences, ECMA-48
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # all but tab


class Report:
    """Writes lines to a descriptor. It never waits for the reader, and outlives it: the graph is not the reader's.

    Without a descriptor (standard output was closed from the start) it is silent.
    """

    def __init__(self, names: Collection[str], descriptor: int | None) -> None:
        """`names`: under which lines will be said, beside GRAPH."""
        self._width = max(map(len, [*names, GRAPH]))
        is_colourful = descriptor is not None and os.isatty(descriptor) and not os.environ.get("NO_COLOR")
        self._colours = dict(zip(names, cycle(COLOURS), strict=False)) if is_colourful else {}
        self._descriptor = descriptor
        self._waiting = bytearray()
        self._dropped = 0
        self._next_try = 0.0  # after a disk refused, by time.monotonic

    def line(self, name: str, text: str) -> None:
        """Say `text` under `name`, a node's or GRAPH; what could command a terminal is taken out of it."""
        self._put(name, plain(text))
        self.flush()

    def flush(self, seconds: float = 0.0) -> None:
        """Write what the reader takes now, or within `seconds`."""
        deadline = time.monotonic() + seconds
        if seconds:
            self._next_try = 0.0
        while self.waits and self._is_writable(deadline - time.monotonic()):
            self._write()
            if self._dropped and not self._waiting:
                self._put(GRAPH, f"{self._dropped} lines are not shown: nobody read them in time")
                self._dropped = 0

    @property
    def waits(self) -> bool:
        """Whether lines wait for a reader who can be waited for; a full disk is tried now and then instead."""
        return bool(self._waiting) and self._descriptor is not None and time.monotonic() >= self._next_try

    def fileno(self) -> int:
        """The descriptor to wait for while lines wait."""
        assert self._descriptor is not None
        return self._descriptor

    def _put(self, name: str, text: str) -> None:
        prefix = f"{time.strftime('%H:%M:%S')} {name:{self._width}} |"
        if name in self._colours:
            prefix = f"\x1b[{self._colours[name]}m{prefix}\x1b[0m"
        line = f"{prefix} {text}\n".encode(errors="replace")
        if self._descriptor is None:
            return
        if len(self._waiting) + len(line) > ROOM:
            self._dropped += 1
        else:
            self._waiting += line

    def _is_writable(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def _write(self) -> None:
        try:
            written = os.write(self.fileno(), self._waiting[:CHUNK])
        except OSError as error:
            if error.errno in REFUSED:
                self._next_try = time.monotonic() + RETRY
            else:  # the reader is gone; the graph goes on without one
                self._descriptor = None
        else:
            del self._waiting[:written]


def plain(text: str) -> str:
    """`text` without what could command a terminal, on one line."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", ESCAPE.sub("", text))
