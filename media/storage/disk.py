"""The disk of a folder: how much is free on it, how much of that frames leave free, and when it is full."""

import contextlib
import errno
import math
import os
from collections.abc import Container, Iterator
from pathlib import Path

MB = 10**6
# What no frame takes, for what is made of the frames, which lets them go. A disk can run out of files before bytes.
RESERVE = 64 * MB
RESERVED_FILES = 1000
FULL = (errno.ENOSPC, errno.EDQUOT)  # no fault of ours: whoever makes room lets us go on
# What is wrong with a folder from the start, and will be so after a restart; anything else is a disk to wait for.
MISTAKES = (
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.EEXIST),
    *(errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
)


class NoRoom(Exception):
    """A frame cannot be written for the time being; `str()` says why."""

    def __init__(self, why: str, until: str) -> None:
        super().__init__(why)
        self.until = until  # the words of who waits for room: until when, and what would help


def free_space(folder: Path) -> float:
    """Bytes that are free on the disk of `folder`; infinity if it does not say, as ramfs does not."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize if disk.f_blocks else math.inf


def check_reserve(folder: Path) -> None:
    """Raises NoRoom while the disk is nearly full."""
    disk = os.statvfs(folder)
    few = disk.f_files and disk.f_favail < RESERVED_FILES
    if few or free_space(folder) < RESERVE:
        what = f"{RESERVED_FILES} files" if few else f"{RESERVE // MB} MB"
        why = f"there is room for less than {what} on the disk of {folder.absolute()}"
        raise NoRoom(why, f"waits while {why}")


@contextlib.contextmanager
def trouble_told(folder: Path, but: Container[int | None] = ()) -> Iterator[None]:
    """Raises NoRoom where the disk of `folder` is full, is used up by this user, is read-only, or fails.

    What has gone is for the caller to see to (FileNotFoundError), and so are the error numbers `but`.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in but:
            raise
        if error.errno in FULL:
            why = f"the disk of {folder.absolute()} is full ({error.strerror})"
            raise NoRoom(why, f"waits while {why}: make room on it, for bytes and for files") from None
        why = f"the disk of {folder.absolute()} cannot be written to ({error.strerror})"
        raise NoRoom(why, f"waits while {why}") from None
