"""A folder that things are moved into and that never overwrites one: image.jpg, image.2.jpg, image.3.jpg."""

import errno
import json
import os
import stat
from contextlib import suppress
from pathlib import Path

from bus import step
from bus.durable import sync_files, sync_folder
from media.storage.below import exists, open_below
from media.storage.rename import UNKNOWN, rename_new

LONGEST = 255  # bytes in a file name, on every file system of Linux
NOTE = ".txt"  # what the name of a note ends with, behind the whole name of its file
OWN_NAME = "its own name: "  # begins the last line of the note of a file that was numbered; then its path, as JSON
MOST = 64 * 1024  # bytes of a note: what is larger is none
DRAFT = ".note"  # a note that is not whole yet; the next one takes its place
NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK


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
        above, _, last = name.rpartition("/")
        folder, place = self._opened(above)
        try:
            return place + self._moved(source, name, folder, place + last, note)
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

    def _moved(self, source: int, name: str, folder: int, wanted: str, note: str) -> str:
        """Move the file into the open `folder`, under the last name of `wanted` or a numbered one; return that."""
        above, slash, first = wanted.rpartition("/")
        last = first
        while not _move(source, name, folder, last, _words(note, name, above + slash + last)):
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
    note, moved = _note(last), False
    if exists(last, folder):
        return False
    left = exists(note, folder)
    if left and not (words and _is_left(folder, last, note, words)):
        return False
    if words and not _noted(folder, note, words, over=left):
        return False
    try:
        if words:
            _sync_note(folder, note)
        with step("move"):
            moved = _rename(source, name, folder, last)
    finally:
        if words and not moved:
            os.unlink(note, dir_fd=folder)
    return moved


def _noted(folder: int, note: str, words: bytes, over: bool) -> bool:
    """Leave a note, whole or not at all, `over` the one that is there; False if something else has its name."""
    try:
        with open(os.open(DRAFT, NEW, 0o666, dir_fd=folder), "wb") as file:
            file.write(words)
        with step("say why"):
            if not over:
                return _rename(folder, DRAFT, folder, note)
            os.rename(DRAFT, note, src_dir_fd=folder, dst_dir_fd=folder)
            return True
    finally:
        with suppress(OSError):  # it has its name; or the next one takes its place
            os.unlink(DRAFT, dir_fd=folder)


def _sync_note(folder: int, note: str) -> None:
    """Bring a note to the disk, one that a kill has left included."""
    fd = os.open(note, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        sync_files([fd])
    finally:
        os.close(fd)
    sync_folder(folder)


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


def _words(note: str, name: str, place: str) -> bytes:
    """What a note says of the file `name` that lies at `place` now; nothing without a note."""
    own = f"{OWN_NAME}{json.dumps(name, ensure_ascii=False)}\n" if place != name else ""
    return f"{note}\n{own}".encode(errors="backslashreplace") if note else b""  # as JSON writes half a surrogate, too


def _note(name: str) -> str:
    return _cut(name, LONGEST - len(NOTE)) + NOTE


def _is_left(folder: int, last: str, note: str, words: bytes) -> bool:
    """Whether this note of `last`, which is not there, is one that a kill has left without its file.

    A file of this name that was put here has a note of its own. Names that are cut may share a note: only the same
    words tell then.
    """
    if note != last + NOTE:
        return _says(folder, note, words)
    its = os.stat(note, dir_fd=folder, follow_symlinks=False)
    return stat.S_ISREG(its.st_mode) and its.st_size <= MOST and not exists(_note(note), folder)


def _says(folder: int, note: str, words: bytes) -> bool:
    with suppress(OSError), open(os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as it:
        return os.fstat(it.fileno()).st_size == len(words) and it.read() == words
    return False


def _cut(name: str, size: int) -> str:
    return os.fsdecode(os.fsencode(name)[:size])
