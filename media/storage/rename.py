"""Renaming a file without replacing another."""

import ctypes
import errno
import os

RENAME_NOREPLACE = 1  # <linux/fs.h>
UNKNOWN = (errno.EINVAL, errno.ENOSYS)  # errors where it cannot be done in one step

_libc = ctypes.CDLL(None, use_errno=True)


def rename_new(file: str, place: str, source: int, target: int) -> None:
    """Rename `file` to `place` if nothing has that name, in one step, by renameat2(2).

    `source`, `target`: the open directories that they are relative to.
    Raises FileExistsError if something has; OSError (of UNKNOWN) where that cannot be done in one step.
    """
    if not hasattr(_libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), place)
    if _libc.renameat2(source, os.fsencode(file), target, os.fsencode(place), RENAME_NOREPLACE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), place)
