"""`<run>/<replica>.trace`: when each message came, and when user code had it; one JSON line each.

A line is `[stream, number, name, arrived, begun, ended, captured]`, in nanoseconds since the epoch by our clock:
arrived off the wire, handed to user code, let go of. What a source made has arrived and begun when it was captured, and
ended with its yield. Whoever reads the file may rename it away, and reads it a little later, as lines may still
come: it is opened anew for those of each beat.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

MOST = 100_000  # lines that wait for a beat, or for room on the disk; more are left out


class Timeline:
    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        """Without a `path` nothing is noted."""
        self._path, self._say = path, say
        self._lines: list[tuple[str, int | None, str, int, int, int, int]] = []
        self._failed = False

    def note(
        self, stream: str, number: int | None, name: str, *, arrived: int, begun: int, ended: int, captured: int
    ) -> None:
        """`name`: percent-encoded, as on the wire."""
        if self._path is not None and len(self._lines) < MOST:
            self._lines.append((stream, number, name, arrived, begun, ended, captured))

    def beat(self) -> None:
        """Append what was noted; what finds no room is left out, and that is said once."""
        if self._path is None or not self._lines:
            return
        lines, self._lines = self._lines, []
        text = "\n" * self._failed + "".join(json.dumps(line) + "\n" for line in lines)  # what was torn ends there
        body = text.encode()
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.write(fd, body) < len(body):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(fd)
        except OSError as error:
            if not self._failed:
                self._say(f"cannot write {self._path}: {error.strerror}; the trace lacks what comes until it works")
            self._failed = True
        else:
            self._failed = False
