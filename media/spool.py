"""The watched folder: who may watch it, which of its files are claimed, and what becomes of them."""

import fcntl
import os
import secrets
import stat
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from media.archive import Archive
from media.arrivals import Sign
from media.events import CannotWatch
from media.lease import Lease, lease
from media.places import DEAD_LETTERS, DONE, TAKEN
from media.refusals import FOR_GOOD, cure
from media.rename import rename_new
from media.stillness import Stillness

THEN = ("delete", "keep")
STILL = 1.0  # seconds without a change after which a file counts as written where nothing else can tell
PATIENCE = 5.0  # seconds in which a claim may fail, as on a full disk, before that is said
MOST_EMPTY = 64  # empty folders that may stand in `.taken/` while files flow, so that the next file finds its own

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
    file: str  # where it is now, absolute
    written: int  # its mtime, in nanoseconds since the epoch


class Spool:
    """Claims files by renaming them into `.taken/`, and sees them off when they are finished."""

    def __init__(self, folder: str, then: str, still: float = 0.0) -> None:
        """Make the folder if it is absent. Raises CannotWatch if it cannot be had.

        `still`: seconds without a change that make a file ready, for writers that close a file and open it again.
        """
        if not folder:
            raise CannotWatch("folder is empty: needs the path of the folder to watch", code=2)
        if not still >= 0:
            raise CannotWatch(f"still: {still} is not a number of seconds: give 0, or one above it", code=2)
        if then not in THEN:
            raise CannotWatch(f'then "{then}": what becomes of a finished file is one of {", ".join(THEN)}', code=2)
        self.folder = Path(folder).absolute()
        self._taken = self.folder / TAKEN
        self._here, self._there = f"{self.folder}/", f"{self._taken}/"  # joined faster than Paths
        self._done = Archive(self.folder / DONE) if then == "keep" else None
        self._dead = Archive(self.folder / DEAD_LETTERS)
        self._held: set[str] = set()  # names in `.taken/`
        self._finished: deque[str] = deque()  # names that have left it; `finish` may run in the bus's thread
        self._emptied: set[str] = set()  # subfolders of `.taken/` that may be empty now
        self._still, self._stillness = still, Stillness(self._taken)
        self._failing: dict[str, float] = {}  # name -> since when it cannot be claimed, by time.monotonic
        self._said: set[str] = set()
        try:
            self._taken.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            words = cure(error, Path(error.filename).parent)
            raise CannotWatch(f"cannot watch {self.folder}: {error.filename}: {words}") from None

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

    @property
    def is_there(self) -> bool:
        """Whether the folder still has its name, and no other has it."""
        try:
            return os.path.samestat(self.folder.stat(), os.fstat(self._fd))
        except OSError:
            return False

    def rest(self) -> None:
        """Tidy up, now that nothing comes."""
        self._let_go()
        self._tidy()

    def leftovers(self) -> list[Taken]:
        """What an earlier run claimed and did not finish; it is claimed by this one now."""
        files = [Path(folder, name) for folder, _, names in os.walk(self._taken) for name in names]
        found = [(str(file.relative_to(self._taken)), file, file.lstat()) for file in sorted(files)]
        left = [Taken(name, str(file), its.st_mtime_ns) for name, file, its in found if stat.S_ISREG(its.st_mode)]
        self._held.update(taken.name for taken in left)
        return left

    @property
    def held(self) -> int:
        """How many files are claimed and not finished."""
        self._let_go()
        self._tidy()
        return len(self._held)

    def take(self, name: str, sign: Sign) -> Taken | None:
        """Claim a file that no writer has open; None if there is nothing to claim under this name.

        Raises NotReady if it is worth asking again.
        """
        self._let_go()
        told = sign is Sign.WRITTEN and not self._still
        if name in self._held or not (told or self._stillness.is_due(name)):
            raise NotReady
        try:
            return self._take(name, sign)
        except BlockingIOError:
            raise NotReady from None
        except OSError as error:
            gone = isinstance(error, FileNotFoundError | NotADirectoryError)
            if not gone or os.path.lexists(self._here + name):
                self._cannot_claim(name, error)
            self._forget(name)  # removed, claimed already (a file may be announced more than once), or not to be had
        return None

    def finish(self, name: str, verdict: str, reason: str) -> None:
        """See a claimed file off; `verdict` is the bus's: done, dropped, rejected or gone. Any thread, one at a time.

        Raises OSError if the file can be neither removed nor moved: it stays claimed then, for the next start.
        """
        file = self._there + name
        try:
            if verdict == "rejected":
                place = self._dead.put(Path(file), name, note=reason)
                print(f"{name} is a dead letter, {place.relative_to(self.folder)}: {reason}")
            elif verdict != "gone" and self._done:
                self._done.put(Path(file), name)
            elif verdict != "gone":
                os.unlink(file)  # noqa: PTH108 - as above
        except FileNotFoundError:
            verdict = "gone"
        if verdict == "gone":
            self._say_once(TAKEN, f"{file} has gone before it was finished: something else removes claimed files")
        self._finished.append(name)

    def _take(self, name: str, sign: Sign) -> Taken | None:
        place = self._here + name
        mode = os.lstat(place).st_mode
        if not stat.S_ISREG(mode):
            self._say_once(name, f"{name} is {KINDS[stat.S_IFMT(mode)]} and not a frame: it stays")
            return None
        with lease(place) as held:
            if held is None and sign is Sign.APPEARED:
                return None  # its writer may have only begun, and will be heard of when it closes the file
            found = held.status() if held else os.lstat(place)  # after the opening, which asks a server for news
            untold = sign is Sign.SEEN or (sign is Sign.FOUND and held is None)
            patience = max(self._still, STILL if untold or not found.st_size else 0.0)
            if patience and not self._stillness.has_lasted(name, found, patience):
                raise NotReady
            return self._claim(name, held)

    def _claim(self, name: str, held: Lease | None) -> Taken:
        place, file = self._here + name, self._there + name
        try:
            os.rename(place, file)  # noqa: PTH104 - for each of thousands of files, and Paths cost more than the rename
        except FileNotFoundError:
            if Path(file).parent.is_dir():
                raise
            self._taken.mkdir(exist_ok=True)  # but never the watched folder, if somebody has just removed it
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(place).rename(file)
        claimed = os.lstat(file)
        if held and (held.is_wanted_back() or not os.path.samestat(claimed, held.status())):
            # A writer came just before the rename: it will write when the lease ends, or writes a new file already.
            self._hand_back(Path(file), Path(place))
        self._forget(name)
        self._held.add(name)
        return Taken(name, file, claimed.st_mtime_ns)

    def _hand_back(self, file: Path, place: Path) -> None:
        """Put a claimed file back for its writer, and raise NotReady. Returns if that fails: it stays claimed then."""
        with suppress(OSError):  # its name is taken again, or cannot be had in one step here: it gets one of its own
            rename_new(file, place)
            raise NotReady
        with suppress(OSError):  # its folder has gone
            file.rename(place.with_name(f"{secrets.token_hex(8)}{place.suffix}"))
            raise NotReady

    def _cannot_claim(self, name: str, error: OSError) -> None:
        """Say it once. Raises NotReady if it may go by."""
        folder = (self.folder / name).parent
        if error.errno in FOR_GOOD:
            words = cure(error, folder)
            self._say_once(str(folder), f"files in {folder} cannot be claimed, so they stay, first {name}: {words}")
            return
        self._tidy()  # what is in the way may be an empty folder of ours
        now = time.monotonic()
        if now - self._failing.setdefault(name, now) > PATIENCE:
            self._say_once(f"{folder} {error.errno}", f"cannot claim {name} yet, tries again: {error.strerror}")
        raise NotReady from None

    def _forget(self, name: str) -> None:
        self._stillness.forget(name)
        self._failing.pop(name, None)

    def _let_go(self) -> None:
        while self._finished:
            name = self._finished.popleft()
            self._held.remove(name)
            if "/" in name:
                self._emptied.add(name.rpartition("/")[0])
        if len(self._emptied) > MOST_EMPTY:
            self._tidy()

    def _tidy(self) -> None:
        """Remove the folders in `.taken/` in which nothing is left, and so on upwards."""
        while self._emptied:
            folder = self._taken / self._emptied.pop()
            with suppress(OSError):  # something is left, or it went with one below it
                while folder != self._taken:
                    folder.rmdir()
                    folder = folder.parent

    def _say_once(self, about: str, words: str) -> None:
        if about not in self._said:
            self._said.add(about)
            print(words)
