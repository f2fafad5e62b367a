"""Folders that stay the same ones, whoever changes their paths meanwhile."""

import os
import weakref

FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def open_below(root: int, path: str) -> int:
    """A descriptor of the folder `path`, such as "", "sub" or "sub/folder/", in the open directory `root`.

    Goes there name by name and through no symbolic link, so that it never leaves `root`.
    Raises NotADirectoryError at a link or a file, FileNotFoundError if it has gone, any other OSError of open(2).
    """
    first, *others = [name for name in path.split("/") if name] or ["."]
    folder = os.open(first, FLAGS, dir_fd=root)
    for name in others:
        above = folder
        try:
            folder = os.open(name, FLAGS, dir_fd=above)
        finally:
            os.close(above)
    return folder


class Folder:
    """An open folder; it is closed when nobody needs it any longer."""

    def __init__(self, path: str | os.PathLike[str], root: int | None = None) -> None:
        """`path` may be a symbolic link; `root`: the open directory that it is relative to. Raises OSError."""
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        weakref.finalize(self, os.close, self.fd)


def exists(name: str, folder: int) -> bool:
    """Whether the open `folder` has something of this name, be it a link to nothing."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
