"""The budget of a folder: how much may wait in it. It is counted so seldom that a frame costs the same in any folder.

What waits is every regular file that a watcher would look at or has taken, whoever wrote it: hidden ones, `.done` and
`dead-letters` do not count. Others write there too, and watchers delete, so all that is known is what the last count
found, and what we wrote since it began.
"""

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from media.saving.retention import SIZES
from media.sources.source import WrongArgument
from media.storage.disk import NoRoom, free_space
from media.watched.places import DEAD_LETTERS, TAKEN

DEFAULT = "20%"
LIMIT = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]B|%)?")
SLICE = 0.02  # seconds that a count may take of a frame's time: a folder of 100,000 files holds no live source up
REST = 10  # times as long as the last count took, no other begins


class Budget:
    """How many files, or bytes of them, may wait in a folder."""

    def __init__(self, folder: Path, text: str) -> None:
        """`text`: a size such as 2GB, a number of files, or a part of the disk's free space such as 20%, the default.

        Raises WrongArgument if it is none of these.
        """
        found = LIMIT.fullmatch(text or DEFAULT)
        amount, unit = (float(found[1]), found[2]) if found else (0.0, None)
        if not amount or (unit == "%" and amount > 100) or not (unit or amount.is_integer()):
            raise WrongArgument(
                f'budget: "{text}" is no limit: give a size like 2GB, a number of files like 5000, or a part of the'
                " free disk like 20%"
            )
        self._folder, self._unit = folder, unit
        self._part = amount / 100 if unit == "%" else 0.0  # of the disk's space, until the first count tells what it is
        self._limit = amount * SIZES.get(unit or "", 1)  # bytes or files
        self._words = text
        self._waited = math.inf  # bytes or files that the last count found
        self._written, self._covered = 0, 0  # likewise, by us: so far, and before the last count began
        self._counting: Iterator[None] | None = None  # the count that is under way
        self._took, self._due = 0.0, 0.0  # seconds that it took so far; when another may begin, by time.monotonic
        self._said = False

    def __str__(self) -> str:
        return self._words if self._unit else _files(self._limit)

    def settle(self) -> Iterator[None]:
        """Count for the first time, in steps. Raises WrongArgument if it must be, and is not known, what is free."""
        while self._waited == math.inf:
            self._count()
            if self._counting:
                yield None

    def check(self, size: int, *before: int) -> None:
        """Raises NoRoom unless a file of `size` bytes may be added now, to those of the sizes `before` that will be."""
        more = sum(self._weight(each) for each in (size, *before))
        if 2 * (self._ours + more) > self._limit - self._waited:  # others may have filled the other half
            self._count()
        waiting = self._waited + self._ours
        if waiting + more <= self._limit:
            return
        if waiting or before:
            raise NoRoom(
                f"the folder's budget of {self} is full",
                f"pauses, as {self._in_words(waiting)} of a budget of {self} wait in {self._folder.absolute()}: goes on"
                " as a watcher finishes them; is one running?",
            )
        if not self._said:
            self._said = True
            print(
                f"a frame of {_bytes(size)} is more than the folder's budget of {self}: such frames wait one at a time;"
                " a larger budget: lets more wait"
            )

    def wrote(self, size: int) -> None:
        """A file of `size` bytes was added."""
        self._written += self._weight(size)

    @property
    def _ours(self) -> int:
        """What we wrote that the last count may have missed, in bytes or files."""
        return self._written - self._covered

    def _weight(self, size: int) -> int:
        """What a file of `size` bytes adds to what is limited."""
        return size if self._unit else 1

    def _in_words(self, amount: float) -> str:
        return _bytes(amount) if self._unit else _files(amount)

    def _count(self) -> None:
        """Go on with the count that is under way, or begin one if the last was long enough ago, for a SLICE."""
        began = time.monotonic()
        if not self._counting:
            if began < self._due:
                return
            self._took = 0.0
        counting, self._counting = self._counting or self._steps(), None
        for _ in counting:
            if time.monotonic() - began > SLICE:
                self._counting = counting
                break
        now = time.monotonic()
        self._took += now - began
        self._due = now + REST * self._took

    def _steps(self) -> Iterator[None]:
        """One count. Files go from the folder to `.taken`: in this order none is missed."""
        covered, waited = self._written, 0
        for root in (self._folder, self._folder / TAKEN):
            for entry in _waiting(root):
                with contextlib.suppress(FileNotFoundError):  # finished just now
                    waited += entry.stat(follow_symlinks=False).st_size if self._unit else 1
                yield None
        if self._part:
            self._measure(waited)
        self._waited, self._covered = waited, covered

    def _measure(self, waited: int) -> None:
        """Make bytes of a part of the free space. What waits has taken of it already: a restart changes nothing."""
        free = free_space(self._folder)
        if free == math.inf:
            raise WrongArgument(
                f"budget: the file system of {self._folder.absolute()} does not say how much is free: give a size like"
                " 2GB, or a number of files like 5000"
            )
        self._limit = self._part * (free + waited)
        self._part, self._words = 0.0, f"{_bytes(self._limit)} ({self._words or DEFAULT} of the free space)"


def _waiting(folder: Path | str) -> "Iterator[os.DirEntry[str]]":
    """The files in `folder` and below; nothing of a folder that is gone, or closed to us."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_file(follow_symlinks=False):
                yield entry
            elif entry.name != DEAD_LETTERS and entry.is_dir(follow_symlinks=False):
                yield from _waiting(entry.path)


def _files(count: float) -> str:
    return f"{count:,.0f} file{'' if count == 1 else 's'}"


def _bytes(size: float) -> str:
    """Such as 1.5GB."""
    unit = max((unit for unit in SIZES if size >= SIZES[unit]), key=SIZES.__getitem__, default="KB")
    return f"{size / SIZES[unit]:.3g}{unit}"
