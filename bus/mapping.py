"""Memory that outlives a kill: a file of the run folder, mapped."""

import errno
import mmap
import os
import time
from pathlib import Path

RETRY = 0.5  # seconds between two tries to get room for it
CANNOT = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # file systems that give no room in advance


def mapped(path: Path | None, size: int) -> mmap.mmap:
    """The file `path`, made if absent, as `size` bytes of memory; without a path, memory alone.

    Waits while there is no room for all of it: a write into a hole on a full disk would be a SIGBUS. Raises OSError.
    """
    if path is None:
        return mmap.mmap(-1, size)
    said = False
    while True:
        try:
            return _mapped(path, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            if not said:
                print(f"cannot write {path}: {error.strerror}; waits until it works", flush=True)
            said = True
            time.sleep(RETRY)


def _mapped(path: Path, size: int) -> mmap.mmap:
    with open(path, "ab") as file:
        file.truncate(size)
    with open(path, "r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in CANNOT:
                raise
        return mmap.mmap(file.fileno(), size)
