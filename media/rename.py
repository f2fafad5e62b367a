"""Renaming a file without replacing another."""

import ctypes
import errno
import os
from pathlib import Path

AT_FDCWD = -100  # <fcntl.h>: relative paths start from the current folder
RENAME_NOREPLACE = 1  # <linux/fs.h>

_libc = ctypes.CDLL(None, use_errno=True)


def rename_new(file: Path, place: Path) -> None:
    """Rename `file` to `place` if nothing has that name, in one step, by renameat2(2).

    Raises FileExistsError if something has; OSError (EINVAL, ENOSYS) where that cannot be done in one step.
    """
    if not hasattr(_libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(place))
    if _libc.renameat2(AT_FDCWD, os.fsencode(file), AT_FDCWD, os.fsencode(place), RENAME_NOREPLACE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(place))
