"""What a replica had last, and what it made last, as files for whoever looks: `<run>/<replica>.before` and `.after`.

Each is a line of JSON, `{"at": ns, "stream", "number", "name", "captured", …}`, and the bytes as they are. They are
written while the file `<run>/watched` is younger than WATCHED, once a PERIOD, by a thread: nobody waits for them.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bus.message import Message
from bus.meta import facts
from bus.picture import Undecodable

WATCHED = 3.0  # seconds since somebody looked after which nobody does
PERIOD = 1.0  # seconds between two pictures
MOST = 64 * 1024 * 1024  # bytes of a picture
HEAD = ("stream", "number", "name", "captured", "time", "raw", "encoded")  # what of a message's meta is told


class Preview:
    """Every method but `_write` is called by the thread that has the hub's lock, or hands messages out."""

    def __init__(self, run: Path | None, replica: str) -> None:
        self.wanted = False  # whether somebody looks
        self._run, self._replica = run, replica
        self._newest: dict[str, _Picture] = {}  # "before" or "after" -> what is not written yet
        self._thread: threading.Thread | None = None
        self._written = 0.0  # when the last were, by time.monotonic

    def before(self, message: Message, captured: int) -> None:
        """User code gets `message`; it was `captured` in ns since the epoch by our clock."""
        if self.wanted:
            self._keep("before", _Picture(message, captured))

    def after(self, message: Message, captured: int) -> None:
        """The node has made `message`."""
        if self.wanted:
            self._keep("after", _Picture(message, captured))

    def beat(self) -> None:
        self.wanted = self._run is not None and _is_young(self._run / "watched")
        now = time.monotonic()
        if not self.wanted:
            self.close()
        elif self._newest and now - self._written >= PERIOD and not (self._thread and self._thread.is_alive()):
            newest, self._newest, self._written = self._newest, {}, now
            self._thread = threading.Thread(target=self._write, args=(newest,), name="preview", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let go of what was kept."""
        newest, self._newest = self._newest, {}
        for picture in newest.values():
            picture.close()

    def _keep(self, side: str, picture: _Picture) -> None:
        if replaced := self._newest.pop(side, None):
            replaced.close()
        self._newest[side] = picture

    def _write(self, newest: dict[str, _Picture]) -> None:
        for side, picture in newest.items():
            place = Path(f"{self._run}/{self._replica}.{side}")
            fresh = Path(f"{place}.new")
            try:
                head, body = picture.content()
                if not body or len(body) > MOST:
                    continue
                with open(fresh, "wb", opener=_private) as file:
                    file.write(json.dumps(head).encode() + b"\n")
                    file.write(body)
                fresh.rename(place)
            except (OSError, ValueError, Undecodable):  # a run folder that is full or gone, pixels that cannot travel:
                with suppress(OSError):  # who looks sees how old the last picture is
                    fresh.unlink()
            finally:
                picture.close()


class _Picture:
    """A message, and its file held open, so that it can be read after all is done with it."""

    def __init__(self, message: Message, captured: int) -> None:
        self._at, self._message, self._captured = time.time_ns(), message, captured
        self._fd: int | None = None
        if message.is_named:
            with suppress(OSError):  # gone already: then there is no picture
                self._fd = message.lend()
                if self._fd is None:
                    self._fd = os.open(str(message.file), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def content(self) -> tuple[dict[str, Any], bytes | memoryview]:
        """The line about it, and its bytes. Raises OSError, ValueError or Undecodable if it has none."""
        body: bytes | memoryview
        if self._message.is_named:
            meta, body = facts(self._message), b"" if self._fd is None else _file(self._fd)
        else:
            meta, body = self._message.dump()
        known = {field: meta[field] for field in HEAD if field in meta}
        return {"at": self._at, **known, "captured": self._captured}, body

    def close(self) -> None:
        if self._fd is not None:
            with suppress(OSError):  # it was only read
                os.close(self._fd)
            self._fd = None


def _file(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0) if size <= MOST else b""


def _is_young(path: Path) -> bool:
    try:
        return -WATCHED < time.time() - path.stat().st_mtime < WATCHED
    except OSError:
        return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
