"""The content of a file that a message stands for: read whole, but never more than fits."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from bus.door import MAX_BYTES, Undecodable, check_size
from bus.hangs import outside
from bus.unreadable import disk_blamed

CHUNK = 64 * 1024  # bytes that are asked for at least, in case the file has grown


def contents(fd: int) -> bytes:
    """What is in the file now, or in the one that it grows into meanwhile.

    Raises Undecodable for one of over MAX_BYTES, before reading it, and for what is no regular file; Unreadable.
    """
    with outside("reads a file"), disk_blamed():
        return _contents(fd)


def contents_of(path: str) -> bytes:
    """The same for the file at `path`; a FIFO without a writer keeps nobody waiting. Raises OSError too."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return contents(fd)
    finally:
        os.close(fd)


def opened(place: Path) -> int | None:
    """A descriptor of the regular file `place`, None if it is none.

    Raises FileNotFoundError, OSError for what the file itself is guilty of, and Unreadable.
    """
    with disk_blamed(place):
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def closed(fd: int) -> None:
    """Close it, whatever a disk that fails says to that: what was read was read."""
    with suppress(OSError):
        os.close(fd)


def _contents(fd: int) -> bytes:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise Undecodable("cannot read: no regular file")
    check_size(status.st_size)
    parts: list[bytes] = []
    at = 0
    while part := os.pread(fd, min(max(status.st_size - at, CHUNK), MAX_BYTES + 1 - at), at):
        parts.append(part)
        at += len(part)
        check_size(at)
    return parts[0] if len(parts) == 1 else b"".join(parts)
