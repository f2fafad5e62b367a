"""A folder with its subfolders: which names in it are wanted, and where events may not tell of all that is written."""

import fnmatch
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from media.said import Said
from media.storage.below import open_below
from media.storage.mounts import LOCAL, UNKNOWN, kind
from media.watched.events import CannotWatch, Events
from media.watched.places import DEAD_LETTERS


class Tree:
    """Watches the folder and its subfolders, and lists what is in them."""

    def __init__(self, folder: Path, pattern: str, events: Events) -> None:
        """`pattern`: globs of file names, comma-separated, upper and lower case alike. Raises CannotWatch."""
        self._folder = folder
        self._pattern = _compiled(pattern)
        self._events = events
        self.kind = UNKNOWN  # of the file system that the folder is on, once it was walked
        self._answers: bool | None = None  # whether events come at all, once that was tried
        self._doubtful: set[str] = set()  # folders with files that no event may tell of: "" or "sub/folder/"
        self.is_explained = False  # whether it was said why folders are looked into
        self._said = Said()

    @property
    def is_local(self) -> bool:
        """Whether this kernel knows every writer that a file can have. (What is mounted below cannot be claimed.)"""
        return self.kind in LOCAL

    @property
    def is_doubtful(self) -> bool:
        """Whether there are folders to be looked into again and again."""
        return bool(self._doubtful)

    def doubtful(self) -> list[str]:
        """The folders to be looked into again and again, each with all that is below it."""
        tops: list[str] = []
        for prefix in sorted(self._doubtful):
            if not tops or not prefix.startswith(tops[-1]):
                tops.append(prefix)
        return tops

    def walk(self, below: str = "") -> Iterator[str]:
        """The wanted names. Watch each folder, then list it: in this order nothing falls in between."""
        self._doubtful = {prefix for prefix in self._doubtful if not prefix.startswith(below)}  # it may have gone
        prefixes = [below]
        while prefixes:
            prefix = prefixes.pop()
            try:
                with _opened(self._folder, prefix) as folder:
                    if not self._tells_all(folder, prefix):
                        self._doubtful.add(prefix)
                    files, folders = self._listed(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it went as fast as it came
            except OSError as error:
                self._doubtful.add(prefix)
                words = f"{self._folder / prefix} cannot be looked into, so its frames stay: {error.strerror}"
                self._said.once("closed", prefix, words)
                continue
            yield from (prefix + name for name in files)
            prefixes += [f"{prefix}{name}/" for name in folders]

    def is_wanted(self, file: str) -> bool:
        return not file.startswith(".") and self._pattern.match(file) is not None

    def is_watched(self, folder: str) -> bool:
        return not folder.startswith(".") and folder != DEAD_LETTERS

    def explain(self, reason: str, words: str) -> None:
        """Say why folders are looked into, once for each `reason`."""
        self.is_explained = True
        self._said.once("looks", reason, words)

    def _listed(self, folder: int) -> tuple[list[str], list[str]]:
        """The wanted names in an open folder, and the subfolders to be watched."""
        files, folders = [], []
        with os.scandir(folder) as entries:
            for entry in entries:
                if self.is_wanted(entry.name):
                    files.append(entry.name)
                if self.is_watched(entry.name) and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
        return files, folders

    def _tells_all(self, folder: int, prefix: str) -> bool:
        """Watch the open folder; whether its events tell of all that is written in it."""
        place = self._folder / prefix
        if not prefix:
            self.kind = kind(folder)
        try:
            self._events.watch(folder, prefix)
        except CannotWatch as error:
            self.explain("limit", f"cannot watch {place}: {error}; until then it is looked into every second")
            return False
        if not prefix and self._answers is None:
            self._try(folder)
        return self._answers is True and self.is_local

    def _try(self, folder: int) -> None:
        """Write a file of our own into the watched folder: some kernels and mounts tell of nothing."""
        try:
            self._answers = self._events.answers(folder)
        except OSError as error:  # the disk may be full for the moment
            words = f"cannot try whether events come from {self._folder}: {error.strerror}"
            self.explain("try", f"{words}; until then it is looked into every second as well")
        if self._answers is False:
            words = f"no events come from {self._folder}, which is on {self.kind}: looks every second instead"
            self.explain("answers", words)


@contextmanager
def _opened(root: Path, prefix: str) -> Iterator[int]:
    """A descriptor of the folder `prefix` in `root`. The root may be a symbolic link; what is below may not."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        folder = open_below(top, prefix)
    finally:
        os.close(top)
    try:
        yield folder
    finally:
        os.close(folder)


def _compiled(pattern: str) -> "re.Pattern[str]":
    globs = [glob.strip() for glob in pattern.split(",")]
    if not all(globs) or "/" in pattern:
        raise CannotWatch(
            f'pattern "{pattern}": needs globs of file names, comma-separated, such as "*.jpg,*.png"', code=2
        )
    return re.compile("|".join(map(fnmatch.translate, globs)), re.IGNORECASE)
