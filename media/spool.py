"""The watched folder: who may watch it, which of its files are claimed, and what becomes of them."""

import errno
import fcntl
import os
import stat
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from media.archive import Archive
from media.arrivals import DEAD_LETTERS, Sign
from media.events import CannotWatch
from media.lease import Lease, lease

TAKEN = ".taken"  # claimed files lie here, under their relative paths, until everything downstream is through with them
DONE = ".done"  # where `then: keep` moves them afterwards
THEN = ("delete", "keep")
STILL = 1.0  # seconds without a change after which a file counts as written where nothing else can tell
PATIENCE = 5.0  # seconds in which a claim may fail, as on a full disk, before that is said
FOR_GOOD = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV, errno.ENAMETOOLONG)  # claims that no waiting helps

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotReady(Exception):
    """This file cannot be claimed yet: still written, an earlier one of its name is on its way, or the disk is full."""


class Taken(NamedTuple):
    """A claimed file."""

    name: str  # its relative path in the watched folder
    file: Path  # where it is now, absolute
    written: int  # its mtime, in nanoseconds since the epoch


class Spool:
    """Claims files by renaming them into `.taken/`, and sees them off when they are finished."""

    def __init__(self, folder: str, then: str) -> None:
        """Make the folder if it is absent. Raises CannotWatch if it cannot be had."""
        if not folder:
            raise CannotWatch("folder is empty: needs the path of the folder to watch", code=2)
        if then not in THEN:
            raise CannotWatch(f'then "{then}": what becomes of a finished file is one of {", ".join(THEN)}', code=2)
        self.folder = Path(folder).absolute()
        self._taken = self.folder / TAKEN
        self._done = Archive(self.folder / DONE) if then == "keep" else None
        self._dead = Archive(self.folder / DEAD_LETTERS)
        self._held: set[str] = set()  # names in `.taken/`
        self._finished: deque[str] = deque()  # names that have left it; `finish` may run in the bus's thread
        self._changed: dict[str, tuple[tuple[int, int], float]] = {}  # name -> size and mtime, and since when
        self._failing: dict[str, float] = {}  # name -> since when it cannot be claimed, by time.monotonic
        self._said: set[str] = set()
        try:
            self._taken.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise CannotWatch(f"cannot watch {self.folder}: {error.filename}: {error.strerror}") from None

    def close(self) -> None:
        """Give up the lock. What is claimed stays claimed, and can still be finished."""
        os.close(self._fd)

    def lock(self) -> bool:
        """Try to be the folder's only watcher."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            print(f"{self.folder} cannot be locked ({error.strerror}): make sure that nothing else watches it")
        return True

    def check(self) -> None:
        """Raises CannotWatch if another folder has the name now, or none."""
        try:
            same = os.path.samestat(self.folder.stat(), os.fstat(self._fd))
        except OSError:
            same = False
        if not same:
            raise CannotWatch(f"{self.folder} was removed or replaced while it was watched")

    def leftovers(self) -> list[Taken]:
        """What an earlier run claimed and did not finish; it is claimed by this one now."""
        files = [Path(folder, name) for folder, _, names in os.walk(self._taken) for name in names]
        found = [(str(file.relative_to(self._taken)), file, file.lstat()) for file in sorted(files)]
        left = [Taken(name, file, status.st_mtime_ns) for name, file, status in found if stat.S_ISREG(status.st_mode)]
        self._held.update(taken.name for taken in left)
        return left

    @property
    def held(self) -> int:
        """How many files are claimed and not finished."""
        self._let_go()
        return len(self._held)

    def take(self, name: str, sign: Sign) -> Taken | None:
        """Claim a file that no writer has open; None if there is nothing to claim under this name.

        Raises NotReady if it is worth asking again.
        """
        self._let_go()
        if name in self._held:
            raise NotReady
        try:
            return self._take(name, sign)
        except BlockingIOError:
            raise NotReady from None
        except OSError as error:
            gone = isinstance(error, FileNotFoundError | NotADirectoryError)
            if not gone or os.path.lexists(self.folder / name):
                self._cannot_claim(name, error)
            self._forget(name)  # removed, claimed already (a file may be announced more than once), or not to be had
        return None

    def finish(self, name: str, verdict: str, reason: str) -> None:
        """See a claimed file off; `verdict` is the bus's: done, dropped, rejected or gone. Any thread, one at a time.

        Raises OSError if the file can be neither removed nor moved: it stays claimed then, for the next start.
        """
        file = self._taken / name
        try:
            if verdict == "rejected":
                place = self._dead.put(file, name, note=reason)
                print(f"{name} is a dead letter, {place.relative_to(self.folder)}: {reason}")
            elif verdict != "gone" and self._done:
                self._done.put(file, name)
            elif verdict != "gone":
                file.unlink()
        except FileNotFoundError:
            verdict = "gone"
        if verdict == "gone":
            self._say_once(TAKEN, f"{file} has gone before it was finished: something else removes claimed files")
        self._finished.append(name)

    def _take(self, name: str, sign: Sign) -> Taken | None:
        place = self.folder / name
        found = place.lstat()
        if not stat.S_ISREG(found.st_mode):
            self._say_once(name, f"{name} is {KINDS[stat.S_IFMT(found.st_mode)]} and not a frame: it stays")
            return None
        with lease(place) as held:
            if held is None and sign is Sign.APPEARED:
                return None  # its writer may have only begun, and will be heard of when it closes the file
            if not found.st_size or (held is None and sign is Sign.FOUND):
                self._wait_until_still(name, found)
            return self._claim(name, held)

    def _claim(self, name: str, held: Lease | None) -> Taken:
        place, file = self.folder / name, self._taken / name
        if not file.parent.is_dir():  # asked first: mkdir would wait for the writer, who has the folder's lock
            file.parent.mkdir(parents=True)
        place.rename(file)
        if held and held.is_wanted_back():
            # A writer came just before the rename and will write when the lease ends: it gets its file back.
            with suppress(FileExistsError):  # there is a newer one already: this one counts as overwritten
                place.hardlink_to(file)
            file.unlink()
            raise NotReady
        self._forget(name)
        self._held.add(name)
        return Taken(name, file, file.lstat().st_mtime_ns)

    def _cannot_claim(self, name: str, error: OSError) -> None:
        """Say it once. Raises NotReady if it may go by."""
        folder = (self.folder / name).parent
        if error.errno in FOR_GOOD:
            self._say_once(str(folder), f"files in {folder} cannot be claimed, so they stay: {error.strerror}")
            return
        now = time.monotonic()
        if now - self._failing.setdefault(name, now) > PATIENCE:
            self._say_once(f"{folder} {error.errno}", f"cannot claim {name} yet, tries again: {error.strerror}")
        raise NotReady from None

    def _forget(self, name: str) -> None:
        self._changed.pop(name, None)
        self._failing.pop(name, None)

    def _wait_until_still(self, name: str, found: os.stat_result) -> None:
        """Raises NotReady until size and mtime have stood still for a while."""
        now, state = time.monotonic(), (found.st_size, found.st_mtime_ns)
        before, since = self._changed.get(name, (None, now))
        if state != before:
            self._changed[name] = state, now
        if state != before or now - since < STILL:
            raise NotReady

    def _let_go(self) -> None:
        while self._finished:
            name = self._finished.popleft()
            self._held.remove(name)
            self._remove_empty((self._taken / name).parent)

    def _remove_empty(self, folder: Path) -> None:
        """Remove a folder in `.taken/` in which nothing is left, and so on upwards."""
        with suppress(OSError):  # something is left
            while folder != self._taken:
                folder.rmdir()
                folder = folder.parent

    def _say_once(self, about: str, words: str) -> None:
        if about not in self._said:
            self._said.add(about)
            print(words)
