"""A folder that things are moved into and that never overwrites one: image.jpg, image.2.jpg, image.3.jpg."""

import os
from contextlib import suppress
from pathlib import Path

LONGEST = 255  # bytes in a file name, on every file system of Linux
NOTE = ".txt"  # what the name of a note ends with, behind the whole name of its file


class Archive:
    """Files under their own relative paths, each with a note beside it where there is something to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: dict[str, int] = {}  # name that was taken -> the last number given to it

    def put(self, file: Path, name: str, note: str = "") -> Path:
        """Move `file` here under the relative path `name`, numbered if that is taken; return where it is now.

        The note is written first: after a kill in between the file still lies where it was, and is put again.
        Raises FileNotFoundError if `file` has gone, OSError if it cannot be moved, and then leaves no note.
        """
        os.lstat(file)
        words = f"{note}\n".encode(errors="backslashreplace") if note else b""
        place = self._free(name, words)
        place.parent.mkdir(parents=True, exist_ok=True)
        new = bool(note) and not os.path.lexists(_note(place))
        try:
            if new:
                _note(place).write_bytes(words)
            file.rename(place)
        except OSError:
            if new:
                _note(place).unlink(missing_ok=True)
            raise
        return place

    def _free(self, name: str, words: bytes) -> Path:
        place = self.folder / name
        while os.path.lexists(place) or (os.path.lexists(_note(place)) and not _says(_note(place), words)):
            number = self._last[name] = self._last.get(name, 1) + 1
            place = _numbered(self.folder / name, number)
        return place


def _numbered(place: Path, number: int) -> Path:
    tail = f".{number}{place.suffix}"
    return place.with_name(_cut(place.stem, LONGEST - len(NOTE) - len(os.fsencode(tail))) + tail)


def _note(place: Path) -> Path:
    return place.with_name(_cut(place.name, LONGEST - len(NOTE)) + NOTE)


def _says(note: Path, words: bytes) -> bool:
    """Whether it is a note of just these words, which a kill has left without its file."""
    with suppress(OSError):
        same_size = note.is_file() and not note.is_symlink() and note.stat().st_size == len(words)
        return bool(words) and same_size and note.read_bytes() == words
    return False


def _cut(name: str, size: int) -> str:
    return os.fsdecode(os.fsencode(name)[:size])
