"""Dead letters of an owner that has no file to set aside: the payload that it still holds, and the reason beside it."""

import errno
import fcntl
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from bus.durable import FOLDER, opened, sync_files, sync_folder, sync_way
from bus.message import Message
from bus.picture import Undecodable, encode

MAX_NAME = 200  # characters of a file's name, which leaves room for a number and .txt
MOST = 16  # that may wait for a disk; then the node sends nothing more
RETRY = 1.0  # seconds between two tries to write them
REMIND = 30.0  # seconds between two lines about that
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Left(NamedTuple):
    """A file that a try has left, because the disk refused to remove it, too."""

    path: Path
    its: tuple[int, ...]


def set_aside(
    folder: Path, meta: dict[str, Any], payload: bytes | memoryview, reason: str, left: list[Left] | None = None
) -> Path:
    """Write the message (`meta`, `payload`) below `folder` under its own name, numbered if that exists.

    The reason lies beside it first, and each is whole and on the disk when this returns: who sent it lets go of it
    then. Raises OSError, and then leaves neither, or notes in `left` what it must: the next try removes that first.
    Raises BlockingIOError while another process is at it.
    """
    left = [] if left is None else left
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        _remove(left)
        stem, end, content = _named(meta, payload)
        name = _free(folder, stem, end)
        note = (reason + "\n").encode(errors="surrogateescape")
        _place(folder, {f"{name}.txt": note, name: content}, left)
    return folder / name


class DeadLetters:
    """Those of one node. Every method is called with the hub's lock held.

    One that cannot be written, as on a full disk, waits here until it can; only then its message is through.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        self._said = 0.0  # when it was said last that they wait; 0: they do not
        self._waiting: deque[tuple[dict[str, Any], bytes | memoryview, str, Callable[[], None]]] = deque()
        self._left: list[Left] = []  # by the last try of the first of them
        self._due = self._since = 0.0  # when the next try is due; since when others are at it, 0: they are not

    def room(self) -> bool:
        """Whether another may come."""
        return len(self._waiting) < MOST

    @property
    def idle(self) -> bool:
        return not self._waiting

    def put(self, meta: dict[str, Any], payload: bytes | memoryview, reason: str, through: Callable[[], None]) -> None:
        """Set a message aside, and then call `through`."""
        self._waiting.append((meta, payload, reason, through))
        self._write()

    def tick(self, now: float, awake: bool) -> None:
        if self._waiting and now >= self._due:
            self._write()

    def _write(self) -> None:
        while self._waiting:
            meta, payload, reason, through = self._waiting[0]
            try:
                where = set_aside(self._folder, meta, payload, reason, self._left)
            except OSError as error:
                now = time.monotonic()
                if isinstance(error, BlockingIOError):
                    self._since = self._since or now
                    if now - self._since < RETRY:
                        return  # until the next tick
                self._due = now + RETRY
                if not self._said or now - self._said > REMIND:
                    self._said = now
                    self._say(
                        f"cannot write a dead letter below {self._folder.absolute()}: {error.strerror};"
                        " tries again until it works"
                    )
                return
            self._waiting.popleft()
            self._since = 0.0
            self._say(f"dead letter {where}: {reason}")
            through()
        self._said = 0.0


def _named(meta: dict[str, Any], payload: bytes | memoryview) -> tuple[str, str, bytes]:
    """How its file is called before and behind a number, and what is in it."""
    message = Message.load(meta, payload)
    wish = message.name or f"{message.stream or 'message'}-{message.number}"
    stem, dot, suffix = UNSAFE.sub("_", wish)[-MAX_NAME:].rpartition(".")
    if "raw" in meta:
        mode, *size = meta["raw"]
        pixels = Image.frombytes(mode, tuple(size), payload)  # also if they are too many for a node: they are here
        return stem or suffix, ".png", encode(pixels, "png")
    if message.encoding:
        return stem or suffix, f".{message.encoding}", bytes(payload)
    if message.file is not None:
        with suppress(FileNotFoundError, Undecodable):  # gone, or too large: the reason, which names it, must do
            payload = message.bytes
    return stem, f"{dot}{suffix}", bytes(payload)


def _free(folder: Path, stem: str, end: str) -> str:
    """The first name that nothing has, and whose note is free too."""
    name, count = f"{stem}{end}".lstrip(".") or "message", 1
    while os.path.lexists(folder / name) or os.path.lexists(folder / f"{name}.txt"):
        count += 1
        name = f"{stem}.{count}{end}".lstrip(".")
    return name


def _place(folder: Path, files: dict[str, bytes], left: list[Left]) -> None:
    """Each whole under its name, or none of them but what is noted in `left`. Raises OSError."""
    parts = {folder / f".{name}.partial": folder / name for name in files}
    placed: list[Path] = []
    try:
        for part, content in zip(parts, files.values(), strict=True):
            with open(part, "wb") as file:
                file.write(content)
                file.flush()
                sync_files([file.fileno()])
        for part, place in parts.items():
            part.rename(place)
            placed.append(place)
        with opened(folder, FOLDER) as descriptor:
            sync_folder(descriptor)
        sync_way(folder)
    except OSError:
        for path in (*parts, *placed):
            with suppress(OSError):  # it is not there, or the disk refuses even this look
                left.append(Left(path, _seen(path)))
        with suppress(OSError):
            _remove(left)
        raise


def _remove(left: list[Left]) -> None:
    """Remove what a try has left, unless something else has its name now. Raises OSError for what stays in `left`."""
    trouble = None
    for one in [*left]:
        try:
            if _seen(one.path) == one.its:
                one.path.unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            trouble = error
            continue
        left.remove(one)
    if trouble:
        raise trouble


def _seen(path: Path) -> tuple[int, ...]:
    """What tells a file from another of its name, which may have its inode."""
    its = path.lstat()
    return its.st_dev, its.st_ino, its.st_mtime_ns, its.st_size


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """A block in which no other process looks for a free name in here. Raises BlockingIOError while one does.

    One that was stopped there would hold whoever waits for it, and all of its wires.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(errno.EAGAIN, "another replica is at it") from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(fd)
