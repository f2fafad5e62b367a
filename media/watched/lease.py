"""Whether a writer still has a file open: the kernel knows, and a read lease asks it (fcntl(2))."""

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# Errors of opening what this user may not read (the node that reads it will say so), or a link.
NOT_OURS = (errno.EACCES, errno.EPERM, errno.ELOOP)


class Lease:
    """A read lease on an open file: no writer has it open, and one that opens it now waits for the lease to end."""

    def __init__(self, fd: int) -> None:
        """Raises BlockingIOError while a writer has the file open, OSError where there are no leases."""
        _ignore_writers()
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        self._fd = fd

    def is_wanted_back(self) -> bool:
        """Whether a writer waits for the file."""
        return fcntl.fcntl(self._fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK

    def status(self) -> os.stat_result:
        return os.fstat(self._fd)


@cache
def _ignore_writers() -> None:
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # the kernel's word that a writer waits, deadly if not ignored


@contextmanager
def lease(file: str | os.PathLike[str], folder: int | None = None) -> Iterator[Lease | None]:
    """Hold the lease of a file for the length of a with-block; None where this file cannot give one.

    It cannot if it belongs to another user (EACCES) or its file system knows no leases (EINVAL).
    `folder`: the open directory that `file` is relative to. Raises BlockingIOError while a writer has it open,
    FileNotFoundError if it has gone, OSError if it cannot be asked for now, as without a descriptor to be had.
    """
    fd = _opened(file, folder)
    try:
        yield None if fd is None else _lease(fd)
    finally:
        if fd is not None:
            os.close(fd)


def _opened(file: str | os.PathLike[str], folder: int | None) -> int | None:
    try:
        return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno in NOT_OURS:
            return None
        raise


def _lease(fd: int) -> Lease | None:
    try:
        return Lease(fd)
    except BlockingIOError:
        raise
    except OSError:
        return None
