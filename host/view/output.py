"""Where the launcher's lines go: a descriptor that is written to as its reader takes it, and that never holds it up."""

from __future__ import annotations

import errno
import os
import select
import time
from contextlib import suppress

ROOM = 1 << 20  # bytes kept for a reader that does not read
CHUNK = select.PIPE_BUF  # bytes that a pipe takes without blocking when poll says that it is writable
RETRY = 1.0  # seconds between two tries to write to a file whose disk refuses
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # by a disk, for the time being


class Output:
    """Outlives its reader. Without a descriptor (standard output was closed from the start) it takes nothing."""

    def __init__(self, descriptor: int | None) -> None:
        self.is_terminal = descriptor is not None and os.isatty(descriptor)
        self._descriptor = _unblocking(descriptor) if descriptor is not None and self.is_terminal else descriptor
        self._waiting = bytearray()
        self._next_try = 0.0  # after a disk refused, by time.monotonic

    def put(self, text: str) -> bool:
        """Have it written; False if there is no room for it, because the reader is behind."""
        if self._descriptor is None:
            return True
        body = text.encode(errors="replace")
        if len(self._waiting) + len(body) > ROOM:
            return False
        self._waiting += body
        return True

    def flush(self, seconds: float = 0.0) -> None:
        """Write what the reader takes now, or within `seconds`."""
        deadline = time.monotonic() + seconds
        if seconds:
            self._next_try = 0.0
        while self.waits and self._is_writable(deadline - time.monotonic()):
            self._write()

    @property
    def is_empty(self) -> bool:
        """Whether all that was put has been written."""
        return not self._waiting

    @property
    def is_close(self) -> bool:
        """Whether the reader is hardly behind."""
        return len(self._waiting) < CHUNK

    @property
    def waits(self) -> bool:
        """Whether something waits for a reader who can be waited for; a full disk is tried now and then instead."""
        return bool(self._waiting) and self._descriptor is not None and time.monotonic() >= self._next_try

    def fileno(self) -> int:
        """The descriptor to wait for while something waits."""
        assert self._descriptor is not None
        return self._descriptor

    def _is_writable(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def _write(self) -> None:
        try:
            written = os.write(self.fileno(), self._waiting[:CHUNK])
        except BlockingIOError:  # there was room, and somebody else has filled it
            self._next_try = time.monotonic() + RETRY
        except OSError as error:
            if error.errno in REFUSED and not self.is_terminal:
                self._next_try = time.monotonic() + RETRY
            else:  # the reader is gone; the graph goes on without one
                self._descriptor = None
        else:
            del self._waiting[:written]


def _unblocking(terminal: int) -> int:
    """The same terminal, opened anew so that writing never blocks, not even for a moment, and no shell is touched."""
    with suppress(OSError):  # it has no name here, as in some containers: then it may hold us up
        return os.open(os.ttyname(terminal), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    return terminal
