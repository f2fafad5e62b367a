"""The folder in which a recorder works: one recording after the other, none of them ever written over."""

import math
import os
import re
import time
from errno import EACCES
from pathlib import Path
from typing import Any

from bus import Message, encode, outside, step, wait
from bus.durable import sync_way
from media.mcap.foxglove import Picture
from media.mcap.recording import Recording, Shot, writer
from media.saving.results import BEGINNINGS, REMIND, RETRY
from media.saving.retention import AGES, SIZES
from media.storage.disk import MISTAKES
from media.storage.mounts import Mounted

FORMATS = {"jpg": "jpeg", "png": "png", "webp": "webp"}  # ours, and what CompressedImage calls them
LIMIT = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]B|[mhd])")


class Recordings:
    """A folder of recordings, one of them open: `add` the frames of a batch, then `commit`."""

    def __init__(self, folder: str, name: str, rotate: str | list[Any], quality: int) -> None:
        """`name`: what the files are called, before the time of their start.

        `rotate`: when the next begins: a size such as 1GB, an age such as 1h, or a list of them. Raises ValueError, a
        sentence for the user, for arguments that cannot be right, and where mcap is missing.
        """
        if not 1 <= quality <= 100:
            raise ValueError(f"quality is {quality}, but goes from 1 to 100")
        limits = [_limit(limit) for limit in (rotate if isinstance(rotate, list) else [rotate])]
        self._size = min((amount for amount, unit in limits if unit in SIZES), default=math.inf)  # bytes
        self._age = min((amount for amount, unit in limits if unit in AGES), default=math.inf)  # seconds
        self._folder, self._name, self._quality = Path(folder).absolute(), name, quality
        self._mounted = Mounted(self._folder)
        self._batch: list[Shot] = []
        self._open: Recording | None = None
        writer()
        try:
            self._make()
        except OSError as error:
            if error.errno in MISTAKES:
                words = f"cannot record below {self._folder}: {error.strerror}; give another folder"
                raise ValueError(words) from None
            print(f"cannot record below {self._folder} yet: {error.strerror}; tries again with the first frame")
        print(f"records below {self._folder}")

    def add(self, frame: Message) -> None:
        """Put the frame into the batch. Raises ValueError, with the reason for a dead letter, if it is no image."""
        content = frame.bytes if frame.encoded else b""
        format = next((format for format, begins in BEGINNINGS.items() if re.match(begins, content)), "")
        if not format:
            content, format = encode(frame.image, "jpg", self._quality), "jpg"
        self._batch.append(Shot(frame.stream, frame.number or 0, frame.captured, Picture(content, FORMATS[format])))

    def commit(self) -> None:
        """Bring the batch to the disk, however long that refuses. Raises Stopped when the node is to stop meanwhile."""
        trouble, said = "", -math.inf  # the last one, and when it was said
        while self._batch:
            try:
                with outside(f"records below {self._folder}"), step("commit"):
                    self._write()
            except OSError as error:
                words = f"cannot record below {self._folder}: {error.strerror}; waiting until it works"
                if words != trouble or time.monotonic() - said > REMIND:
                    trouble, said = words, time.monotonic()
                    print(words)
                wait(words, RETRY)
        if trouble:
            print(f"records below {self._folder} again")

    def close(self) -> None:
        """End the open recording with its index and footer."""
        if self._open:
            last, self._open = self._open, None
            try:
                last.end()
            except OSError as error:
                print(f"{last.path} stays without an index, as if its recorder was killed: {error.strerror}")

    def _write(self) -> None:
        """Write the batch. Raises OSError; then the same call may be made again."""
        self._mounted.check()
        current = self._open
        if current and (current.size >= self._size or current.age >= self._age or not current.exists):
            self.close()
        if not self._open:
            self._make()
            self._open = Recording(self._folder, self._name)
        self._open.write(self._batch)
        self._batch = []

    def _make(self) -> None:
        self._mounted.check()
        self._folder.mkdir(parents=True, exist_ok=True)
        sync_way(self._folder)
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, "this user may not write there")


def _limit(text: Any) -> tuple[float, str]:
    """A size in bytes or an age in seconds, and its unit. Raises ValueError."""
    found = LIMIT.fullmatch(str(text))
    if not found or not float(found[1]):
        raise ValueError(f'rotate is "{text}": write a size like 1GB, an age like 1h, or both, [1GB, 1h]')
    return float(found[1]) * (SIZES | AGES)[found[2]], found[2]
