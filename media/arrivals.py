"""The names in a folder that may be ready to be claimed: from scans, from events, and from those that were not yet."""

import time
from collections import OrderedDict
from enum import IntEnum
from pathlib import Path

from media.events import Events, What
from media.suspects import Suspects
from media.tree import Tree

RETRY = 0.2  # seconds after which a file that was not ready is looked at again
LOOK = 1.0  # seconds between two looks into folders whose events do not tell all
REST = 10  # times as long as it took, no scan follows on a scan: a huge folder costs a tenth of a core at most


class Sign(IntEnum):
    """What speaks for a file being ready, the weakest first."""

    APPEARED = 1
    SEEN = 2  # by a scan, where writers may be at work that this kernel knows nothing of
    FOUND = 3  # by a scan
    WRITTEN = 4


SIGNS = {What.APPEARED: Sign.APPEARED, What.FOLDER: Sign.FOUND, What.WRITTEN: Sign.WRITTEN}


class Arrivals:
    """A queue of names relative to a folder, each in it once: sorted within a scan, then as events come in."""

    def __init__(self, folder: Path, pattern: str) -> None:
        """`pattern`: globs of file names, comma-separated, upper and lower case alike. Raises CannotWatch."""
        self._folder = folder
        self._events = Events()
        self._tree = Tree(folder, pattern, self._events)
        self._suspects = Suspects()
        self._queue: OrderedDict[str, Sign] = OrderedDict()
        self._later: dict[str, Sign] = {}
        self._next_try = 0.0  # all times by time.monotonic
        self._next_look = time.monotonic() + LOOK
        self._rested = 0.0
        self._lost_events = False

    def close(self) -> None:
        self._events.close()

    @property
    def waiting(self) -> int:
        """How many names wait to be looked at, or to be looked at again."""
        return len(self._queue) + len(self._later)

    def scan(self, below: str = "") -> None:
        """Watch the folder `below` and all in it, and queue the names that stand there already."""
        for name in sorted(self._tree.walk(below)):
            self._told(name)
            self._add_found(name)

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
        is_quiet = not self._take_in()
        if self._later and time.monotonic() >= self._next_try:
            again, self._later = self._later, {}
            for name, sign in again.items():
                self._add(name, sign)
        began = time.monotonic()
        if began >= self._rested and self._make_up(is_quiet):
            self._rested = time.monotonic() + REST * (time.monotonic() - began)

    def _take_in(self) -> bool:
        """Queue what events tell of, if there are any; whether there were."""
        some = False
        for what, name in self._events.read():
            some = True
            last = name.rpartition("/")[2]
            if what is What.OVERFLOW:
                self._lost_events = True
                self._tree.say_once(
                    "overflow", "more events came at once than the kernel keeps: scans the folder instead"
                )
            elif what is What.MOVED or (what is What.FOLDER and self._tree.is_watched(last)):
                self.scan(name + "/")
            if what in SIGNS and self._tree.is_wanted(last):
                self._told(name)
                self._add(name, SIGNS[what])
        return some

    def _make_up(self, is_quiet: bool) -> bool:
        """Scan for what no event told of, if it is time to; whether it was."""
        if self._lost_events:
            self._lost_events = False
            self.scan()
        elif self._tree.is_doubtful and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK
            self._look(is_quiet)
        else:
            return False
        return True

    def _look(self, is_quiet: bool) -> None:
        """Look into the folders that do not tell all. `is_quiet`: every event up to now was read."""
        names = sorted(name for folder in self._tree.doubtful() for name in self._tree.walk(folder))
        for name in names:
            self._add_found(name)
        if self._tree.is_explained:
            return
        if is_quiet and self._suspects.convicted():
            words = f"{self._folder} is on {self._tree.kind}, where some writers are not heard of"
            self._tree.say_once("hidden", f"{words}: looks every second as well")
        self._suspects.found(names)

    def _told(self, name: str) -> None:
        if self._tree.is_doubtful and not self._tree.is_explained:
            self._suspects.told(name)

    def _add_found(self, name: str) -> None:
        self._add(name, Sign.FOUND if self._tree.is_local else Sign.SEEN)

    def _add(self, name: str, sign: Sign) -> None:
        self._queue[name] = max(sign, self._queue.get(name, sign), self._later.pop(name, sign))
