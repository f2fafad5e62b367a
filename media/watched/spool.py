"""The watched folder: who may watch it, which of its files are claimed, and what becomes of them."""

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from bus.durable import sync_way
from media.said import Said
from media.storage.below import Folder, exists, open_below
from media.storage.disk import MISTAKES
from media.storage.mounts import Mounted
from media.watched.arrivals import Sign
from media.watched.claims import Claims, NotReady, Taken
from media.watched.events import CannotWatch
from media.watched.finishing import Finishing
from media.watched.lease import Lease, lease
from media.watched.places import TAKEN
from media.watched.refusals import FOR_GOOD, FOR_NOW, cure
from media.watched.stillness import Stillness


class NotYet(Exception):
    """The disk of the folder fails for the time being; the words say how."""


THEN = ("delete", "keep")
STILL = 1.0  # seconds without a change after which a file counts as written where nothing else can tell
UNHEARD = 5.0  # the same, for a file that has just appeared and gives no lease: its writer's close is yet to be told
PATIENCE = 5.0  # seconds in which a claim may fail, as on a full disk, before that is said

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Spool:
    """Claims files by renaming them into `.taken/`, and sees them off when they are finished.

    All that it does, it does in the folder that had the path at first, wherever that is moved.
    """

    def __init__(self, folder: str, then: str, still: float = 0.0) -> None:
        """Make the folder if it is absent. Raises CannotWatch if it cannot be had, NotYet if its disk fails.

        `still`: seconds without a change that make a file ready, for writers that close a file and open it again.
        """
        if not folder:
            raise CannotWatch("folder is empty: needs the path of the folder to watch", code=2)
        if not still >= 0:
            raise CannotWatch(f"still: {still} is not a number of seconds: give 0, or one above it", code=2)
        if then not in THEN:
            raise CannotWatch(f'then "{then}": what becomes of a finished file is one of {", ".join(THEN)}', code=2)
        self.folder = Path(folder).absolute()
        self._said = Said()
        mounted = Mounted(self.folder)
        try:
            mounted.check()
            with suppress(FileExistsError):
                self.folder.mkdir(parents=True)
            sync_way(self.folder)  # a dead letter may be all that there is of its frame
            self._root = Folder(self.folder)
            mounted.check()  # what was opened is the folder that was meant, and not one below the mount
            self._claims = Claims(self._root, self.folder)
        except OSError as error:
            place = self.folder / (error.filename or "")
            words = f"cannot watch {self.folder}: {place}: {cure(error, place.parent)}"
            raise (CannotWatch if error.errno in MISTAKES else NotYet)(words) from None
        self._finishing = Finishing(self._root, self.folder, then == "keep", self._claims, self._said)
        self._still, self._stillness = still, Stillness(self.folder / TAKEN)
        self._failing: dict[str, float] = {}  # name -> since when it cannot be claimed, by time.monotonic

    def close(self) -> None:
        """Give up the lock. What is claimed stays claimed, and can still be finished."""
        with suppress(OSError):  # it could not be locked
            fcntl.flock(self._root.fd, fcntl.LOCK_UN)

    def lock(self) -> bool:
        """Try to be the folder's only watcher."""
        try:
            fcntl.flock(self._root.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            print(f"{self.folder} cannot be locked ({error.strerror}): make sure that nothing else watches it")
        return True

    @property
    def is_there(self) -> bool:
        """Whether the folder still has its name, and no other has it; a disk that does not say lets it be there."""
        try:
            return os.path.samestat(self.folder.stat(), os.fstat(self._root.fd))
        except OSError as error:
            return error.errno not in (errno.ENOENT, errno.ENOTDIR)

    def rest(self) -> None:
        """Tidy up, now that nothing comes."""
        self._finishing.let_go()
        self._claims.tidy()

    def leftovers(self) -> list[Taken]:
        """What an earlier run claimed and did not finish is claimed by this one now; these no writer has open.

        Raises NotYet if that cannot be found out.
        """
        try:
            return self._claims.leftovers()
        except OSError as error:
            raise NotYet(f"cannot look into {self.folder / TAKEN}: {error.strerror}") from None

    def returned(self) -> list[Taken]:
        """What was claimed while its writer came back, or was open at the start, and is whole now."""
        return self._claims.returned()

    @property
    def held(self) -> int:
        """How many files are claimed and not finished."""
        self.rest()
        return len(self._claims.names)

    def take(self, name: str, sign: Sign) -> Taken | None:
        """Claim a file that no writer has open; None if there is nothing to claim under this name.

        Raises NotReady if it is worth asking again.
        """
        self._finishing.let_go()
        told = sign is Sign.WRITTEN and not self._still
        if name in self._claims.names or not (told or self._stillness.is_due(name)):
            raise NotReady
        above, _, last = name.rpartition("/")
        folder = None if above else self._root.fd
        try:
            if folder is None:
                folder = open_below(self._root.fd, above)
            return self._take(name, folder, last, sign)
        except BlockingIOError:
            raise NotReady from None
        except OSError as error:
            gone = isinstance(error, FileNotFoundError | NotADirectoryError)
            if not gone or (folder is not None and exists(last, folder)):
                self._cannot_claim(name, error)
            self._forget(name)  # removed, claimed already (a file may be announced more than once), or not to be had
        finally:
            if above and folder is not None:
                os.close(folder)
        return None

    def finish(self, name: str, verdict: str, reason: str) -> bool:
        """See a claimed file off; `verdict` is the bus's: done, dropped, rejected or gone. Any thread.

        What cannot be removed or moved stays claimed, and is tried again. True if it was gone and is here: it is
        claimed again.
        """
        return self._finishing.finish(name, verdict, reason)

    def _take(self, name: str, folder: int, last: str, sign: Sign) -> Taken | None:
        mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            self._said.once("no frame", name, f"{name} is {KINDS[stat.S_IFMT(mode)]} and not a frame: it stays")
            return None
        with lease(last, folder) as held:
            # After the opening, which asks a server for news.
            found = held.status() if held else os.stat(last, dir_fd=folder, follow_symlinks=False)
            patience = max(self._still, _patience(sign, found, held))
            if patience and not self._stillness.has_lasted(name, found, patience):
                raise NotReady
            return self._claim(name, folder, last, held)

    def _claim(self, name: str, folder: int, last: str, held: Lease | None) -> Taken:
        claimed = self._claims.claim(name, folder, last)
        # A writer that came just before the rename will write when the lease ends, or writes a new file already.
        ours = os.path.samestat(claimed, held.status()) if held else stat.S_ISREG(claimed.st_mode)
        if not ours or (held and held.is_wanted_back()):
            self._claims.give_back(name, folder, last)
            raise NotReady
        self._forget(name)
        self._said.over("late", f"claims files in {self.folder} again")
        return self._claims.hold(name, claimed)

    def _cannot_claim(self, name: str, error: OSError) -> None:
        """Say it once. Raises NotReady if it may go by."""
        folder = (self.folder / name).parent
        if error.errno in FOR_GOOD:
            words = f"files in {folder} cannot be claimed, so they stay, first {name}: {cure(error, folder)}"
            self._said.once("refused", str(folder), words)
            return
        self._claims.tidy()  # what is in the way may be an empty folder of ours
        now = time.monotonic()
        if now - self._failing.setdefault(name, now) > PATIENCE or error.errno in FOR_NOW:
            words = f"files in {folder} cannot be claimed yet, tries again, first {name}: {cure(error, folder)}"
            self._said.once("late", f"{folder} {error.errno}", words)
        raise NotReady from None

    def _forget(self, name: str) -> None:
        self._stillness.forget(name)
        self._failing.pop(name, None)


def _patience(sign: Sign, found: os.stat_result, held: Lease | None) -> float:
    """Seconds for which the file must have stood still."""
    if sign is Sign.APPEARED and not held:
        return UNHEARD
    untold = sign is Sign.SEEN or (sign is Sign.FOUND and not held)
    return STILL if untold or not found.st_size else 0.0
