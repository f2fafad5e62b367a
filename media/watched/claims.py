"""The folder `.taken/`: the files that are claimed, each under its own path."""

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bus import step
from media.storage.below import Folder
from media.storage.rename import rename_new
from media.watched.lease import lease
from media.watched.places import TAKEN

LONGEST = 4096  # bytes in a path with its final 0: PATH_MAX of <linux/limits.h>
MOST_EMPTY = 64  # empty folders that may stand in `.taken/` while files flow, so that the next file finds its own
ASK = 0.2  # seconds between two looks at the files whose writers came back


class NotReady(Exception):
    """This file cannot be claimed yet: still written, an earlier one of its name is on its way, or the disk is full."""


Its = tuple[int, ...]  # what tells a file from another of its name, which may have its inode


class Taken(NamedTuple):
    """A claimed file."""

    name: str  # its relative path in the watched folder
    file: str  # where it is now, absolute
    written: int  # its mtime, in nanoseconds since the epoch


class Claims:
    """Moves files into `.taken/` and back. What it has opened stays the same folder, wherever that is moved."""

    def __init__(self, root: Folder, path: Path) -> None:
        """`root`: the watched folder, which has the absolute path `path`. Raises OSError."""
        self._root = root
        self._there = f"{path / TAKEN}/"  # joined faster than Paths
        self.names: dict[str, Its] = {}  # what is held, and which file that is
        self._writers: list[str] = []  # names of those that a writer has open
        self._next_ask = 0.0  # by time.monotonic
        self._emptied: set[str] = set()  # subfolders that may be empty now
        self._open()

    def path(self, name: str) -> str:
        return self._there + name

    def claim(self, name: str, folder: int, last: str) -> os.stat_result:
        """Move the file `last` of the open `folder` to its path `name` in here. It is not held by that.

        Raises NotReady if `.taken/` is not where it was and the file had to go back, OSError if it cannot be moved.
        """
        file = self._there + name
        if len(os.fsencode(file)) >= LONGEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), name)
        with step("claim"):
            try:
                os.rename(last, name, src_dir_fd=folder, dst_dir_fd=self.folder.fd)
            except FileNotFoundError:
                self._make_room(name)
                os.rename(last, name, src_dir_fd=folder, dst_dir_fd=self.folder.fd)
        try:
            return os.lstat(file)  # by its path, as all others will
        except OSError:
            self.give_back(name, folder, last)
            self._open()
            raise NotReady from None

    def hold(self, name: str, claimed: os.stat_result) -> Taken:
        """From now on it is held."""
        self.names[name] = _its(claimed)
        return Taken(name, self.path(name), claimed.st_mtime_ns)

    def is_same(self, name: str, folder: int) -> bool:
        """Whether the file `name` of the open `folder` is the one that is held. Raises FileNotFoundError, OSError."""
        return _its(os.stat(name, dir_fd=folder, follow_symlinks=False)) == self.names.get(name)

    def give_back(self, name: str, folder: int, last: str) -> None:
        """Put a file back for its writer; if its name is taken again, or its folder has gone, it waits in here."""
        try:
            with step("give back"):
                rename_new(name, last, self.folder.fd, folder)
        except OSError:
            self.names[name] = ()
            self._writers.append(name)
        self._leave(name)

    def let_go(self, name: str) -> None:
        """Its file is not in here any longer."""
        self.names.pop(name, None)
        self._leave(name)
        if len(self._emptied) > MOST_EMPTY:
            self.tidy()

    def leftovers(self) -> list[Taken]:
        """What an earlier run claimed and did not finish is held by this one now; these no writer has open.

        Raises OSError if it cannot be looked into.
        """
        for folder, _, names, fd in os.fwalk(onerror=_fail, dir_fd=self.folder.fd):
            below = folder[2:]  # of "./sub"
            self._emptied.update([below] if below else [])
            for name in names:
                if stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                    self._writers.append(f"{below}/{name}" if below else name)
        self.tidy()
        self.names.update(dict.fromkeys(self._writers, ()))
        self._writers.sort(reverse=True)
        return self._free()

    def again(self, name: str) -> None:
        """It is here, and was told to have gone: it comes again."""
        self._writers.append(name)

    def returned(self) -> list[Taken]:
        """Those whose writers came back while they were claimed, and are through now."""
        if not self._writers or time.monotonic() < self._next_ask:
            return []
        return self._free()

    def tidy(self) -> None:
        """Remove the folders in which nothing is left, and so on upwards."""
        while self._emptied:
            below = self._emptied.pop()
            with suppress(OSError):  # something is left, or it went with one below it
                while below:
                    os.rmdir(below, dir_fd=self.folder.fd)
                    below = below.rpartition("/")[0]

    def _open(self) -> None:
        with suppress(FileExistsError):
            os.mkdir(TAKEN, dir_fd=self._root.fd)
        self.folder = Folder(TAKEN, self._root.fd)

    def _make_room(self, name: str) -> None:
        """Make the folders that the file needs; but never the watched one, if somebody has just removed it."""
        with suppress(FileExistsError):
            os.mkdir(TAKEN, dir_fd=self._root.fd)
            self._open()  # it had gone
        at = name.find("/")
        while at > 0:
            with suppress(FileExistsError):
                os.mkdir(name[:at], dir_fd=self.folder.fd)
            at = name.find("/", at + 1)
        self._leave(name)  # they are empty if it does not come

    def _leave(self, name: str) -> None:
        if "/" in name:
            self._emptied.add(name.rpartition("/")[0])

    def _free(self) -> list[Taken]:
        asked, self._writers = self._writers, []
        self._next_ask = time.monotonic() + ASK
        return [taken for name in reversed(asked) if (taken := self._asked(name))]

    def _asked(self, name: str) -> Taken | None:
        try:
            with lease(name, self.folder.fd):
                its = os.lstat(self.path(name))
        except FileNotFoundError:
            self.let_go(name)
        except OSError:  # it is open, or cannot be asked for now
            self._writers.append(name)
        else:
            return self.hold(name, its)
        return None


def _its(status: os.stat_result) -> Its:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _fail(error: OSError) -> None:
    raise error
