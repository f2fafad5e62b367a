"""What inotify says about a folder and its subfolders, by way of pyinotify."""

import ctypes
import errno
import os
import select
import struct
import warnings
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

with warnings.catch_warnings():
    # pyinotify imports asyncore, which warns on Python 3.10 and 3.11 that it will go; pyasyncore takes its place then.
    warnings.filterwarnings("ignore", "The asyncore module is deprecated", DeprecationWarning)
    import pyinotify

# A file is ready when its writer closes it or renames it into place; IN_CREATE is how hard links and folders appear.
MASK = pyinotify.IN_CLOSE_WRITE | pyinotify.IN_MOVED_TO | pyinotify.IN_CREATE | pyinotify.IN_ONLYDIR
HEAD = struct.Struct("iIII")  # struct inotify_event without its name: watch, mask, cookie, length of the name
BUFFER = 64 * 1024  # bytes read at a time: some two thousand events
LIMITS = {  # errno -> the kernel's limit behind it, and what it counts
    errno.ENOSPC: ("max_user_watches", "folders"),
    errno.EMFILE: ("max_user_instances", "watching programs"),
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
    OVERFLOW = "the kernel's queue was full: events of any name were lost"


class Event(NamedTuple):
    what: What
    name: str  # relative to the watched folder, in os.fsdecode's form; "" for an overflow


class Events:
    """The events of the folders given to `watch`, in the order in which they happened."""

    def __init__(self) -> None:
        """Raises CannotWatch where the kernel gives no inotify instance."""
        try:
            self._manager: Any = pyinotify.WatchManager()
        except OSError as error:
            raise CannotWatch(_words(ctypes.get_errno(), str(error))) from None
        self._fd: int = self._manager.get_fd()
        os.set_blocking(self._fd, False)
        os.set_inheritable(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._prefixes: dict[int, str] = {}  # watch -> its folder's relative path: "" or "sub/folder/"

    def close(self) -> None:
        self._manager.close()

    def watch(self, folder: int, prefix: str) -> None:
        """Watch the open directory `folder`, whose relative path is `prefix`; again is no harm, and renames it.

        Raises CannotWatch at the kernel's limit. A folder that is moved elsewhere keeps its watch, but its names lead
        nowhere then, and nothing is claimed.
        """
        by_descriptor = f"/proc/self/fd/{folder}"  # pyinotify cannot encode a path that is not UTF-8
        try:
            [watch] = self._manager.add_watch(by_descriptor, MASK, quiet=False).values()
        except pyinotify.WatchManagerError as error:
            raise CannotWatch(_words(ctypes.get_errno(), str(error))) from None
        self._prefixes[watch] = prefix

    def wait(self, seconds: float) -> None:
        """Return when there is an event to read, or after `seconds`."""
        self._poll.poll(seconds * 1000)

    def read(self) -> Iterator[Event]:
        """What is there now, a buffer at most. (pyinotify's own reading stumbles over a name that is not UTF-8.)"""
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
            elif watch in self._prefixes:
                yield Event(_what(mask), self._prefixes[watch] + os.fsdecode(name))

    def _forget(self, watch: int) -> None:
        """The folder was removed, and the kernel has removed its watch."""
        if self._prefixes.pop(watch, None) is not None:
            self._manager.del_watch(watch)


def _what(mask: int) -> What:
    if mask & pyinotify.IN_ISDIR:
        return What.FOLDER
    return What.APPEARED if mask & pyinotify.IN_CREATE else What.WRITTEN


def _words(number: int, otherwise: str) -> str:
    """The error in the words of someone who can do something about it."""
    if number not in LIMITS:
        return otherwise
    limit, things = LIMITS[number]
    most = Path("/proc/sys/fs/inotify", limit).read_text().strip()
    return f"this user's limit of {most} watched {things} is used up: sysctl fs.inotify.{limit}=… raises it"
