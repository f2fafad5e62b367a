"""A folder that things are moved into and that never overwrites one: image.jpg, image.2.jpg, image.3.jpg."""

import os
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
        Raises FileNotFoundError if `file` has gone, and then leaves no note.
        """
        os.lstat(file)
        place = self._free(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if note:
            _note(place).write_text(note + "\n", encoding="utf-8", errors="backslashreplace")
        file.rename(place)
        return place

    def _free(self, name: str) -> Path:
        place = self.folder / name
        while os.path.lexists(place) or os.path.lexists(_note(place)):
            number = self._last[name] = self._last.get(name, 1) + 1
            place = _numbered(self.folder / name, number)
        return place


def _numbered(place: Path, number: int) -> Path:
    tail = f".{number}{place.suffix}"
    return place.with_name(_cut(place.stem, LONGEST - len(NOTE) - len(os.fsencode(tail))) + tail)


def _note(place: Path) -> Path:
    return place.with_name(_cut(place.name, LONGEST - len(NOTE)) + NOTE)


def _cut(name: str, size: int) -> str:
    return os.fsdecode(os.fsencode(name)[:size])
