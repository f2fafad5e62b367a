"""A folder that things are moved into and that never overwrites one: image.jpg, image.2.jpg, image.3.jpg."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from bus.durable import sync_files, sync_folder
from media.below import exists, open_below
from media.rename import UNKNOWN, rename_new

LONGEST = 255  # bytes in a file name, on every file system of Linux
NOTE = ".txt"  # what the name of a note ends with, behind the whole name of its file
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Archive:
    """Files under their own relative paths, each with a note beside it where there is something to say."""

    def __init__(self, root: int, name: str) -> None:
        """The folder `name` in the open directory `root`; it is made when something comes."""
        self._root = root
        self.name = name
        self._last: dict[str, int] = {}  # path that was taken -> the last number given to it

    def check(self) -> None:
        """Raises OSError if nothing can be moved there from `root`: no folder, on another disk, not writable."""
        if not exists(self.name, self._root):
            return
        folder = os.open(self.name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._root)
        try:
            if os.fstat(folder).st_dev != os.fstat(self._root).st_dev:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), self.name)
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES), self.name)
        finally:
            os.close(folder)

    def put(self, source: int, name: str, note: str = "") -> str:
        """Move `name` from the open directory `source` to the same path here, numbered if that is taken; return it.

        The note is written first, and on the disk first: after a kill or a power cut in between the file still lies
        where it was, and is put again.
        Raises FileNotFoundError if the file has gone, OSError if it cannot be moved, and then leaves no note.
        """
        os.stat(name, dir_fd=source, follow_symlinks=False)
        words = f"{note}\n".encode(errors="backslashreplace") if note else b""
        above, _, last = name.rpartition("/")
        folder, place = self._opened(above)
        try:
            return place + self._moved(source, name, folder, place + last, words)
        finally:
            os.close(folder)

    def _opened(self, path: str) -> tuple[int, str]:
        """The folder `path` in here, made if it is absent, and its path with the numbers that it needs."""
        with suppress(FileExistsError):
            os.mkdir(self.name, dir_fd=self._root)
        folder, place = os.open(self.name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._root), ""
        for name in filter(None, path.split("/")):
            above = folder
            try:
                folder, free = _folder(above, name)
            finally:
                os.close(above)
            place += f"{free}/"
        return folder, place

    def _moved(self, source: int, name: str, folder: int, wanted: str, words: bytes) -> str:
        """Move the file into the open `folder`, under the last name of `wanted` or a numbered one; return that."""
        first = last = wanted.rpartition("/")[2]
        while not _move(source, name, folder, last, words):
            number = self._last[wanted] = self._last.get(wanted, 1) + 1
            last = _numbered(first, number)
        return last


def _folder(above: int, name: str) -> tuple[int, str]:
    """Open a subfolder, made if it is absent; one with a number where something else has its name."""
    free, number = name, 1
    while True:
        with suppress(FileExistsError):
            os.mkdir(free, dir_fd=above)
        try:
            return open_below(above, free), free
        except NotADirectoryError:
            number += 1
            free = _numbered(name, number)


def _move(source: int, name: str, folder: int, last: str, words: bytes) -> bool:
    """Move the file, and write its note first if there are words; False if one of the two names is taken."""
    note = _note(last)
    left = exists(note, folder)
    if exists(last, folder) or (left and not _says(folder, note, words)):
        return False
    if not words:
        return _rename(source, name, folder, last)
    fd = os.open(note, os.O_RDONLY | os.O_NOFOLLOW if left else NEW, 0o666, dir_fd=folder)
    try:
        with open(fd, "rb" if left else "wb") as file:
            if not left:
                file.write(words)
                file.flush()
            sync_files([fd])
        sync_folder(folder)
        moved = _rename(source, name, folder, last)
    except OSError:
        if not left:
            os.unlink(note, dir_fd=folder)
        raise
    if not (moved or left):
        os.unlink(note, dir_fd=folder)
    return moved


def _rename(source: int, name: str, folder: int, last: str) -> bool:
    try:
        rename_new(name, last, source, folder)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in UNKNOWN:
            raise
        os.rename(name, last, src_dir_fd=source, dst_dir_fd=folder)
    return True


def _numbered(name: str, number: int) -> str:
    path = Path(name)
    tail = f".{number}{path.suffix}"
    return _cut(path.stem, LONGEST - len(NOTE) - len(os.fsencode(tail))) + tail


def _note(name: str) -> str:
    return _cut(name, LONGEST - len(NOTE)) + NOTE


def _says(folder: int, note: str, words: bytes) -> bool:
    """Whether it is a note of just these words, which a kill has left without its file."""
    with suppress(OSError), open(os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as it:
        return bool(words) and os.fstat(it.fileno()).st_size == len(words) and it.read() == words
    return False


def _cut(name: str, size: int) -> str:
    return os.fsdecode(os.fsencode(name)[:size])
