"""Why a file cannot be claimed, or not be seen off, however long one waits, and what helps."""

import errno
import os
import stat
from pathlib import Path

FOR_GOOD = (errno.EPERM, errno.EXDEV, errno.ENAMETOOLONG)
# What somebody must see to, so it is said at once; it is tried again all the while.
FOR_NOW = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE)


def cure(error: OSError, folder: Path) -> str:
    """The error of making or renaming something in `folder`, in the words of someone who can do something about it."""
    user = f"user {os.geteuid()}"
    cures = {
        errno.EACCES: f"give {user} the right to write in {folder}",
        errno.EPERM: "something forbids to rename them, such as chattr +i or an option of the mount",
        errno.EROFS: "mount it writable",
        errno.EXDEV: "it is a mount of its own: give it a watcher of its own",
        errno.ENOSPC: "make room on its disk, for bytes and for files",
        errno.ENAMETOOLONG: "the path is too long with .taken/ in it: use shorter names of folders",
    }
    if error.errno == errno.EPERM and _is_sticky(folder):
        cures[errno.EPERM] = f"only their owner may rename them: run it as that user, or chmod -t {folder}"
    return ": ".join(filter(None, (error.strerror, cures.get(error.errno or 0))))


def way(error: OSError, place: Path) -> str:
    """Why `place`, into which finished files are to be moved, cannot take them."""
    if error.errno == errno.EXDEV:
        return f"{place} is on another disk, to which nothing can be renamed: make it a folder on the same one"
    if error.errno in (errno.ENOTDIR, errno.ENOENT, errno.ELOOP):
        return f"{place} is not a folder, and finished files go there: give it another name"
    return f"{place}: {cure(error, place)}"


def _is_sticky(folder: Path) -> bool:
    return folder.is_dir() and bool(folder.stat().st_mode & stat.S_ISVTX)
