"""The names in a folder that may be ready to be claimed: from scans, from events, and from those that were not yet."""

import time
from collections import OrderedDict
from enum import IntEnum
from pathlib import Path

from bus import idle
from media.said import Said
from media.watched.events import Events, What
from media.watched.rest import Rest
from media.watched.suspects import Suspects
from media.watched.tree import Tree

RETRY = 0.2  # seconds after which a file that was not ready is looked at again
LISTEN = 0.01  # seconds between two looks at the events, while names wait
LOOK = 1.0  # seconds between two looks into folders whose events do not tell all


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
        self._said = Said()
        self._queue: OrderedDict[str, Sign] = OrderedDict()
        self._later: dict[str, Sign] = {}
        self._looked: set[str] = set()  # what the last look found
        self._staying: set[str] = set()  # what it found again: offered once, and not taken by then
        self._given: tuple[str, float] | None = None  # the name given last, and time.thread_time then
        self._retries, self._looks, self._scans, self._offers = Rest(RETRY), Rest(LOOK), Rest(), Rest()
        self._lost_events = False
        self._listened = 0.0  # by time.monotonic

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
        self._count_cost()
        if not self._queue or time.monotonic() - self._listened > LISTEN:
            self._listen()
        if not self._queue:
            with idle():
                self._events.wait(patience)
            self._listen()
        if not self._queue:
            return None
        name, sign = self._queue.popitem(last=False)
        self._given = name, time.thread_time()
        return name, sign

    def look(self) -> int:
        """Take in what has come while nobody asks for the next; how many wait now."""
        while self._take_in():
            pass
        self._listen()
        return self.waiting

    def later(self, name: str, sign: Sign) -> None:
        """This one was not ready: it comes again with its next event, or a little later."""
        if not self._later:
            self._retries.begin()
        self._later[name] = sign

    def _listen(self) -> None:
        self._listened = time.monotonic()
        is_quiet = not self._take_in()
        if self._later and self._retries.is_over:
            again, self._later = self._later, {}
            for name, sign in again.items():
                self._add(name, sign)
        began = time.monotonic()
        if self._scans.is_over and self._make_up(is_quiet):
            self._scans.begin(time.monotonic() - began)

    def _count_cost(self) -> None:
        """What was given and not taken makes the pause longer after which it is given again."""
        if self._given:
            name, began = self._given
            self._given = None
            if name in self._later:
                self._retries.add(time.thread_time() - began)
            elif name in self._staying:
                self._offers.add(time.thread_time() - began)

    def _take_in(self) -> bool:
        """Queue what events tell of, if there are any; whether there were."""
        some = False
        for what, name in self._events.read():
            some = True
            last = name.rpartition("/")[2]
            if what is What.OVERFLOW:
                self._lost_events = True
                words = "more events came at once than the kernel keeps: scans the folder instead"
                self._said.once("overflow", "", words)
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
        elif self._tree.is_doubtful and self._looks.is_over:
            self._looks.begin()
            self._look(is_quiet)
        else:
            return False
        return True

    def _look(self, is_quiet: bool) -> None:
        """Look into the folders that do not tell all. `is_quiet`: every event up to now was read."""
        names = sorted(name for folder in self._tree.doubtful() for name in self._tree.walk(folder))
        self._offer(names)
        if self._tree.is_explained:
            return
        if is_quiet and self._suspects.convicted():
            words = f"{self._folder} is on {self._tree.kind}, where some writers are not heard of"
            self._tree.explain("hidden", f"{words}: looks every second as well")
        self._suspects.found(names)

    def _offer(self, names: list[str]) -> None:
        """Queue what a look found: what is new at once, what stays however often it is looked at not as often."""
        staying = self._looked.intersection(names)
        self._looked = set(names)
        is_again = self._offers.is_over
        for name in names:
            if is_again or name not in staying:
                self._add_found(name)
        if is_again:
            self._staying = staying
            self._offers.begin()

    def _told(self, name: str) -> None:
        if self._tree.is_doubtful and not self._tree.is_explained:
            self._suspects.told(name)

    def _add_found(self, name: str) -> None:
        sign = Sign.FOUND if self._tree.is_local else Sign.SEEN
        if self._later.get(name, 0) < sign:  # else it comes again by itself, when it is time to
            self._add(name, sign)

    def _add(self, name: str, sign: Sign) -> None:
        self._queue[name] = max(sign, self._queue.get(name, sign), self._later.pop(name, sign))
