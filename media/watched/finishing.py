"""What becomes of claimed files when all is done with them: deleted, kept, or a dead letter."""

import os
import threading
import time
from collections import deque
from pathlib import Path

from bus import step
from media.said import Said
from media.storage.archive import Archive
from media.storage.below import Folder, exists
from media.watched.claims import Claims
from media.watched.events import CannotWatch
from media.watched.places import DEAD_LETTERS, DONE, TAKEN
from media.watched.refusals import cure, way

SILENT = "rejected without a reason"
AGAIN = 1.0  # seconds between two tries to see off what could not be

# Also among all watchers of a folder that came and went while their frames are on the way: what one has looked at is
# not replaced before it acts, for a name is claimed anew only when its file was seen off.
_one_at_a_time = threading.Lock()


class Finishing:
    """Sees claimed files off. One that cannot go, as on a full disk, stays claimed and is tried again.

    A verdict is about the file that was claimed: another one that has its name by now is left alone.
    """

    def __init__(self, root: Folder, path: Path, keep: bool, claims: Claims, said: Said) -> None:
        """`root`: the watched folder, which has the absolute path `path`. Raises CannotWatch."""
        self._root = root  # stays open for the archives
        self._path = path
        self._done = Archive(root.fd, DONE) if keep else None
        self._dead = Archive(root.fd, DEAD_LETTERS)
        self._claims = claims
        self._said = said
        self._over: deque[str] = deque()  # names that have left `.taken/`
        self._back: deque[str] = deque()  # … that were not to be found there, and are there
        self._stuck: deque[tuple[str, str, str]] = deque()  # name, verdict and reason of those that could not
        self._next_try = 0.0  # by time.monotonic
        for archive in filter(None, (self._done, self._dead)):
            try:
                archive.check()
            except OSError as error:
                raise CannotWatch(f"cannot watch {path}: {way(error, path / archive.name)}") from None

    def finish(self, name: str, verdict: str, reason: str) -> bool:
        """See a claimed file off; `verdict` is the bus's: done, dropped, rejected or gone. Any thread.

        True if it was gone and is here: it comes again.
        """
        with _one_at_a_time:
            try:
                has_left = self._see_off(name, verdict, reason)
            except OSError as error:
                self._stuck.append((name, verdict, reason))
                self._next_try = time.monotonic() + AGAIN
                where = DEAD_LETTERS if verdict == "rejected" else DONE if self._done else TAKEN
                words = f"cannot see {name} off yet, so it stays in {TAKEN}/, tries again"
                self._said.once("stuck", f"{where} {error.errno}", f"{words}: {cure(error, self._path / where)}")
                return False
            (self._over if has_left else self._back).append(name)
            if not self._stuck:
                self._said.over("stuck", f"sees files in {self._path / TAKEN} off again")
            return not has_left

    def let_go(self) -> None:
        """Let go of what has left, and try again what could not."""
        if self._stuck and time.monotonic() >= self._next_try:
            for _ in range(len(self._stuck)):
                tries = len(self._stuck)
                self.finish(*self._stuck.popleft())
                if len(self._stuck) >= tries:
                    break
        while self._over:
            self._claims.let_go(self._over.popleft())
        while self._back:
            self._claims.again(self._back.popleft())

    def _see_off(self, name: str, verdict: str, reason: str) -> bool:
        """Whether it has left; else it was gone, and is here. Raises OSError if it cannot leave."""
        taken = self._claims.folder  # held, for it may be opened anew meanwhile
        try:
            if not self._claims.is_same(name, taken.fd):
                return False
            if verdict == "rejected":
                place = self._dead.put(taken.fd, name, note=reason or SILENT)
                print(f"{name} is a dead letter, {DEAD_LETTERS}/{place}: {reason}")
            elif verdict != "gone" and self._done:
                self._done.put(taken.fd, name)
            elif verdict != "gone":
                with step("delete"):
                    os.unlink(name, dir_fd=taken.fd)
        except FileNotFoundError:
            if exists(name, taken.fd):
                raise  # what it was to be moved into has gone
            verdict = "gone"
        file = self._claims.path(name)
        if verdict == "gone" and exists(name, taken.fd):
            words = f"{file} was not to be found when it was needed, but is there: such files come again"
            self._said.once("back", "", words)
            return False
        if verdict == "gone":
            self._said.once(
                TAKEN, TAKEN, f"{file} has gone before it was finished: something else removes claimed files"
            )
        return True
