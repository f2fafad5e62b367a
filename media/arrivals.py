"""The names in a folder that may be ready to be claimed: from scans, from events, and from those that were not yet."""

import fnmatch
import os
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

from media.events import CannotWatch, Events, What

RETRY = 0.2  # seconds after which a file that was not ready is looked at again
DEAD_LETTERS = "dead-letters"  # the folder for what can never be done: not watched, whatever lies in it


class Sign(IntEnum):
    """What speaks for a file being ready, the weakest first."""

    APPEARED = 1
    FOUND = 2
    WRITTEN = 3


SIGNS = {What.APPEARED: Sign.APPEARED, What.FOLDER: Sign.FOUND, What.WRITTEN: Sign.WRITTEN}


class Arrivals:
    """A queue of names relative to a folder, each in it once: sorted within a scan, then as events come in."""

    def __init__(self, folder: Path, pattern: str) -> None:
        """`pattern`: globs of file names, comma-separated, upper and lower case alike. Raises CannotWatch."""
        self._folder = folder
        self._pattern = _compiled(pattern)
        self._events = Events()
        self._queue: OrderedDict[str, Sign] = OrderedDict()
        self._later: dict[str, Sign] = {}
        self._next_try = 0.0  # by time.monotonic

    def close(self) -> None:
        self._events.close()

    @property
    def waiting(self) -> int:
        """How many names wait to be looked at, or to be looked at again."""
        return len(self._queue) + len(self._later)

    def scan(self, below: str = "") -> None:
        """Watch the folder `below` and all in it, and queue the names that stand there already."""
        for name in sorted(self._walk(below)):
            self._add(name, Sign.FOUND)

    def next(self, patience: float) -> tuple[str, Sign] | None:
        """The next name to look at; None if none comes within `patience` seconds."""
        self._listen()
        if not self._queue:
            self._events.wait(patience)
            self._listen()
        return self._queue.popitem(last=False) if self._queue else None

    def later(self, name: str, sign: Sign) -> None:
        """This one was not ready: it comes again with its next event, or a little later."""
        if not self._later:
            self._next_try = time.monotonic() + RETRY
        self._later[name] = sign

    def _listen(self) -> None:
        for event in self._events.read():
            last = event.name.rpartition("/")[2]
            if event.what is What.OVERFLOW:
                print("more events came at once than the kernel keeps: scans the folder instead")
                self.scan()
            elif event.what is What.FOLDER and _is_watched(last):
                self.scan(event.name + "/")
            if self._is_wanted(last):
                self._add(event.name, SIGNS[event.what])
        if self._later and time.monotonic() >= self._next_try:
            again, self._later = self._later, {}
            for name, sign in again.items():
                self._add(name, sign)

    def _add(self, name: str, sign: Sign) -> None:
        self._queue[name] = max(sign, self._queue.get(name, sign), self._later.pop(name, sign))

    def _walk(self, below: str) -> Iterator[str]:
        """Watch each folder, then list it: in this order nothing falls in between."""
        prefixes = [below]
        while prefixes:
            prefix = prefixes.pop()
            try:
                folder = _opened(self._folder, prefix)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it went as fast as it came
            except OSError as error:
                print(f"{prefix} cannot be looked into, so its frames stay: {error.strerror}")
                continue
            try:
                self._events.watch(folder, prefix)
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if self._is_wanted(entry.name):
                            yield prefix + entry.name
                        if _is_watched(entry.name) and entry.is_dir(follow_symlinks=False):
                            prefixes.append(f"{prefix}{entry.name}/")
            finally:
                os.close(folder)

    def _is_wanted(self, file: str) -> bool:
        return not file.startswith(".") and self._pattern.match(file) is not None


def _is_watched(folder: str) -> bool:
    return not folder.startswith(".") and folder != DEAD_LETTERS


def _opened(root: Path, prefix: str) -> int:
    """A descriptor of the folder `prefix` in `root`. The root may be a symbolic link; what is below may not."""
    follow = os.O_NOFOLLOW if prefix else 0
    return os.open(root / prefix, os.O_RDONLY | os.O_DIRECTORY | follow)


def _compiled(pattern: str) -> "re.Pattern[str]":
    globs = [glob.strip() for glob in pattern.split(",")]
    if not all(globs) or "/" in pattern:
        raise CannotWatch(
            f'pattern "{pattern}": needs globs of file names, comma-separated, such as "*.jpg,*.png"', code=2
        )
    return re.compile("|".join(map(fnmatch.translate, globs)), re.IGNORECASE)
