"""Dead letters of an owner that has no file to set aside: the payload that it still holds, and the reason beside it."""

import fcntl
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from bus.durable import FOLDER, opened, sync_files, sync_folder, sync_way
from bus.message import Message
from bus.picture import Undecodable, encode

MAX_NAME = 200  # characters of a file's name, which leaves room for a number and .txt
MOST = 16  # that may wait for a disk; then the node sends nothing more
RETRY = 1.0  # seconds between two tries to write them
REMIND = 30.0  # seconds between two lines about that
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def set_aside(folder: Path, meta: dict[str, Any], payload: bytes, reason: str) -> Path:
    """Write the message (`meta`, `payload`) below `folder` under its own name, numbered if that exists.

    The reason lies beside it first, and each is whole and on the disk when this returns: who sent it lets go of it
    then. Raises OSError, and then leaves neither.
    """
    message = Message.load(meta, payload)
    wish = message.name or f"{message.stream or 'message'}-{message.number}"
    stem, dot, suffix = UNSAFE.sub("_", wish)[-MAX_NAME:].rpartition(".")
    if "raw" in meta:
        mode, *size = meta["raw"]
        pixels = Image.frombytes(mode, tuple(size), payload)  # also if they are too many for a node: they are here
        stem, dot, suffix, payload = stem or suffix, ".", "png", encode(pixels, "png")
    elif message.encoding:
        stem, dot, suffix = stem or suffix, ".", message.encoding
    elif message.file is not None:
        with suppress(FileNotFoundError, Undecodable):  # gone, or too large: the reason, which names it, must do
            payload = message.bytes
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        name = _free(folder, stem, f"{dot}{suffix}")
        note = (reason + "\n").encode(errors="surrogateescape")
        _place(folder, {f"{name}.txt": note, name: payload})
    return folder / name


class DeadLetters:
    """Those of one node. Every method is called with the hub's lock held.

    One that cannot be written, as on a full disk, waits here until it can; only then its message is through.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        self._said = 0.0  # when it was said last that they wait; 0: they do not
        self._waiting: deque[tuple[dict[str, Any], bytes, str, Callable[[], None]]] = deque()
        self._due = 0.0

    def room(self) -> bool:
        """Whether another may come."""
        return len(self._waiting) < MOST

    @property
    def idle(self) -> bool:
        return not self._waiting

    def put(self, meta: dict[str, Any], payload: bytes, reason: str, through: Callable[[], None]) -> None:
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
                where = set_aside(self._folder, meta, payload, reason)
            except OSError as error:
                now = time.monotonic()
                self._due = now + RETRY
                if not self._said or now - self._said > REMIND:
                    self._said = now
                    self._say(
                        f"cannot write a dead letter below {self._folder.absolute()}: {error.strerror};"
                        " tries again until it works"
                    )
                return
            self._waiting.popleft()
            self._say(f"dead letter {where}: {reason}")
            through()
        self._said = 0.0


def _free(folder: Path, stem: str, end: str) -> str:
    """The first name that nothing has, and whose note is free too."""
    name, count = f"{stem}{end}".lstrip(".") or "message", 1
    while os.path.lexists(folder / name) or os.path.lexists(folder / f"{name}.txt"):
        count += 1
        name = f"{stem}.{count}{end}".lstrip(".")
    return name


def _place(folder: Path, files: dict[str, bytes]) -> None:
    """Each whole under its name, or none of them. Raises OSError."""
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
            with suppress(OSError):  # it is not there, or the disk refuses that too: the next try writes over it
                path.unlink()
        raise


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """A block in which no other process looks for a free name in here."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
