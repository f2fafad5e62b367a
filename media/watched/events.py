"""What inotify says about a folder and its subfolders, by way of pyinotify."""

import ctypes
import errno
import os
import re
import secrets
import select
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

with warnings.catch_warnings():
    # pyinotify imports asyncore, which warns on Python 3.10 and 3.11 that it will go; pyasyncore takes its place then.
    warnings.filterwarnings("ignore", "The asyncore module is deprecated", DeprecationWarning)
    import pyinotify

# A file is ready when its writer closes it or renames it into place; IN_CREATE is how hard links and folders appear.
MASK = (
    pyinotify.IN_CLOSE_WRITE
    | pyinotify.IN_MOVED_TO
    | pyinotify.IN_CREATE
    | pyinotify.IN_MOVE_SELF
    | pyinotify.IN_ONLYDIR
)
HEAD = struct.Struct("iIII")  # struct inotify_event without its name: watch, mask, cookie, length of the name
BUFFER = 64 * 1024  # bytes read at a time: some two thousand events
PROBE = ".probe-"  # how the file of our own is called that shows whether a folder tells of anything
PROBES = re.compile(PROBE + "[0-9a-f]{8}")
SYSCTL = Path("/proc/sys")
LIMITS = {  # errno -> the kernel's limits behind it, of all users and of those in this container, and what they count
    errno.ENOSPC: (("fs/inotify/max_user_watches", "user/max_inotify_watches"), "watched folders"),
    errno.EMFILE: (("fs/inotify/max_user_instances", "user/max_inotify_instances"), "watching programs"),
}


class CannotWatch(Exception):
    """The folder cannot be watched; the words say what is in the way, and the cure."""

    def __init__(self, words: str, code: int = 1) -> None:
        """`code` is what the program exits with: 1 where it may help to try again, 2 for a wrong argument."""
        super().__init__(words)
        self.code = code


class What(Enum):
    """What an event says of a name."""

    WRITTEN = "its writer has closed it, or it was renamed into place"
    APPEARED = "it is new: just opened by its writer, or a hard link"
    FOLDER = "it is a subfolder, new here: not watched yet"
    MOVED = "it is a watched subfolder, or was: it is not watched any longer, and nothing below it"
    OVERFLOW = "the kernel's queue was full: events of any name were lost"


class Event(NamedTuple):
    what: What
    name: str  # relative to the watched folder, in os.fsdecode's form; "" for an overflow


class Events:
    """The events of the folders given to `watch`, in the order in which they happened."""

    def __init__(self) -> None:
        self._manager: Any = None  # an inotify instance, from the first watch on: there may be none to be had
        self._fd = -1
        self._poll = select.poll()
        self._prefixes: dict[int, str] = {}  # watch -> its folder's relative path: "" or "sub/folder/"

    def close(self) -> None:
        if self._manager:
            self._manager.close()

    def watch(self, folder: int, prefix: str) -> None:
        """Watch the open directory `folder`, whose relative path is `prefix`; again is no harm, and renames it.

        Raises CannotWatch at one of the kernel's limits: it may go by.
        """
        by_descriptor = f"/proc/self/fd/{folder}"  # pyinotify cannot encode a path that is not UTF-8
        try:
            self._open()
            [watch] = self._manager.add_watch(by_descriptor, MASK, quiet=False).values()
        except (OSError, pyinotify.WatchManagerError) as error:
            raise CannotWatch(_words(ctypes.get_errno(), str(error))) from None
        self._prefixes[watch] = prefix

    def answers(self, folder: int) -> bool:
        """Whether the watched directory `folder` tells of a file of our own. Raises OSError if it takes none.

        What else was told up to now is dropped: list the folder, and watch its subfolders, afterwards.
        """
        _sweep(folder)
        probe = PROBE + secrets.token_hex(4)
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder))
        os.unlink(probe, dir_fd=folder)
        while told := list(self.read()):  # the kernel has told by now, if it tells at all
            if any(event.name == probe or event.what is What.OVERFLOW for event in told):
                return True
        return False

    def wait(self, seconds: float) -> None:
        """Return when there is an event to read, or after `seconds`."""
        self._poll.poll(seconds * 1000)

    def read(self) -> Iterator[Event]:
        """What is there now, a buffer at most. (pyinotify's own reading stumbles over a name that is not UTF-8.)"""
        if not self._manager:
            return
        try:
            queued = os.read(self._fd, BUFFER)
        except BlockingIOError:
            return
        at = 0
        while at < len(queued):
            watch, mask, _, length = HEAD.unpack_from(queued, at)
            name = queued[at + HEAD.size : at + HEAD.size + length].rstrip(b"\0")
            at += HEAD.size + length
            if mask & pyinotify.IN_Q_OVERFLOW:
                yield Event(What.OVERFLOW, "")
            elif mask & pyinotify.IN_IGNORED:
                self._forget(watch)
            elif mask & pyinotify.IN_MOVE_SELF:
                yield from self._let_go(watch)
            elif watch in self._prefixes:
                yield Event(_what(mask), self._prefixes[watch] + os.fsdecode(name))

    def _open(self) -> None:
        """Raises OSError where the kernel gives no inotify instance."""
        if not self._manager:
            self._manager = pyinotify.WatchManager()
            self._fd = self._manager.get_fd()
            os.set_blocking(self._fd, False)
            os.set_inheritable(self._fd, False)
            self._poll.register(self._fd, select.POLLIN)

    def _let_go(self, moved: int) -> Iterator[Event]:
        """A subfolder has another name now, or has left: end its watch and those below it, which name wrong paths."""
        prefix = self._prefixes.get(moved, "")
        if not prefix:
            return  # the folder itself: it is for its owner to see where it is
        for watch in [watch for watch, path in self._prefixes.items() if path.startswith(prefix)]:
            del self._prefixes[watch]
            with suppress(pyinotify.WatchManagerError):  # it was removed meanwhile, and its watch with it
                self._manager.rm_watch(watch, quiet=False)
        yield Event(What.MOVED, prefix.rstrip("/"))

    def _forget(self, watch: int) -> None:
        """The folder was removed, and the kernel has removed its watch."""
        if self._prefixes.pop(watch, None) is not None:
            self._manager.del_watch(watch)


def _sweep(folder: int) -> None:
    """Remove the files of our own that a kill has left in the open directory `folder`."""
    for name in filter(PROBES.fullmatch, os.listdir(folder)):
        found = os.lstat(name, dir_fd=folder)
        if stat.S_ISREG(found.st_mode) and not found.st_size:
            os.unlink(name, dir_fd=folder)


def _what(mask: int) -> What:
    if mask & pyinotify.IN_ISDIR:
        return What.FOLDER
    return What.APPEARED if mask & pyinotify.IN_CREATE else What.WRITTEN


def _words(number: int, otherwise: str) -> str:
    """The error in the words of someone who can do something about it."""
    if number not in LIMITS:
        return otherwise
    limits, things = LIMITS[number]
    most, limit = min((int((SYSCTL / limit).read_text()), limit) for limit in limits if (SYSCTL / limit).exists())
    return f"this user's limit of {most} {things} is used up: sysctl {limit.replace('/', '.')}=… raises it"
