"""Files that cannot be read for the moment: a disk that fails is not the fault of the message that names the file."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bus.pull import Pull
    from bus.pusher import Item

RETRY = 0.5  # seconds between two tries to read a file
PATIENCE = 60.0  # seconds for which one file may fail while others are read: then it is that file, as on a bad sector
REMIND = 30.0  # seconds between two lines about a disk that goes on failing

# What a file can be guilty of itself. Anything else is the disk's fault, or a want of this machine's.
ITS_OWN = (
    *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR),
    *(errno.EINVAL, errno.EILSEQ, errno.ENXIO, errno.EOVERFLOW, errno.EPERM),
)


class Unreadable(OSError):
    """Raised when the file of a message cannot be read for the moment: the message is to be tried again."""

    culprit: object = None  # the message


@contextmanager
def disk_blamed(path: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Raises Unreadable where the block fails because of the disk. `path`: the file that the block opens."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in ITS_OWN or (path is not None and error.errno == errno.EACCES and _is_seen(path)):
            raise
        raise Unreadable(error.errno, error.strerror) from error


def _is_seen(path: str | os.PathLike[str]) -> bool:
    """Whether it is the file itself that may not be read, and not a folder on the way to it."""
    with suppress(OSError):
        return Path(path).exists()
    return False


class Later:
    """The messages of one input whose files could not be read: they are tried again, while others go first."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._said = say, 0.0  # when it was said last; 0: all is well
        self._waiting: list[tuple[Pull, Item]] = []
        self._since: dict[Item, float] = {}  # of those that failed and have not been finished: since when
        self.next_try = 0.0  # of all that wait, by time.monotonic
        self._worked = 0.0  # when a message from a file was finished last

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, pull: "Pull", item: "Item", error: OSError) -> bool:
        """Keep it for later; False if it alone has failed for too long. Says what and where, once in a while."""
        now = time.monotonic()
        since = self._since.setdefault(item, now)
        if now - since > PATIENCE and self._worked > since:
            return False
        if not self._said or now - self._said > REMIND:
            self._said = now
            self._say(f"cannot read {item.meta.get('file')}: {error.strerror}; tries again until it works")
        if not self._waiting:
            self.next_try = now + RETRY
        self._waiting.append((pull, item))
        return True

    def all(self) -> "list[tuple[Pull, Item]]":
        """Those that wait; they are not tried again here."""
        waiting, self._waiting = self._waiting, []
        for _, item in waiting:
            self._since.pop(item, None)
        return waiting

    def due(self) -> "list[tuple[Pull, Item]]":
        """Those that are to be tried again now."""
        if not self._waiting or time.monotonic() < self.next_try:
            return []
        waiting, self._waiting = self._waiting, []
        for _, item in waiting:
            if item.epoch != item.pusher.epoch:  # its pusher sends it again, as another
                del self._since[item]
        return [(pull, item) for pull, item in waiting if item in self._since]

    def has_failed(self, item: "Item") -> bool:
        """Whether it could not be read before: then it is read as a whole before user code sees it."""
        return item in self._since

    def finished(self, item: "Item") -> None:
        """It went through user code."""
        if "file" in item.meta:
            self._worked = time.monotonic()
        self.forget(item)

    def forget(self, item: "Item") -> None:
        """It needs no other try."""
        self._since.pop(item, None)
        if self._said and not self._since:
            self._said = 0.0
            self._say("reads files again")
