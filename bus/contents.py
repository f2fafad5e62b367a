"""The content of a file that a message stands for: read whole, but never more than fits."""

import os
import stat

from bus.door import MAX_BYTES, Undecodable, check_size

CHUNK = 64 * 1024  # bytes that are asked for at least, in case the file has grown


def contents(fd: int) -> bytes:
    """What is in the file now, or in the one that it grows into meanwhile.

    Raises Undecodable for one of over MAX_BYTES, before reading it, and for what is no regular file; OSError.
    """
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


def contents_of(path: str) -> bytes:
    """The same for the file at `path`; a FIFO without a writer keeps nobody waiting."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return contents(fd)
    finally:
        os.close(fd)
