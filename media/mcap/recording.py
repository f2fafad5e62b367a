"""One recording in the making: an MCAP file, a channel for each stream, its frames on the disk when `write` returns.

What was written stays readable whatever is killed or cut off when: a frame is a chunk of its own, and chunks are only
ever added. A file whose recorder was killed lacks what stands at the end of others, an index and a footer.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bus.durable import FOLDER, opened, sync_files, sync_folder
from media.mcap import foxglove

INSTALL = "pip install -r requirements-recording.txt"
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
SEQUENCES = 2**32  # MCAP has 4 bytes for the number of a frame: the next begins at 0 again


class Shot(NamedTuple):
    """One frame, as it is recorded."""

    stream: str
    number: int
    captured: int  # ns since the epoch
    picture: foxglove.Picture


class Recording:
    """One recording. What could not be written is kept, and written to the same place again."""

    def __init__(self, folder: Path, name: str) -> None:
        """Raises OSError."""
        self.path, self._descriptor = _new(folder, f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        self._began = time.monotonic()
        self._tail = _Tail()
        self._writer = writer()(self._tail)
        self._writer.start(library="frames on a message bus")
        self._schema = self._writer.register_schema(foxglove.NAME, foxglove.ENCODING, foxglove.SCHEMA)
        self._channels: dict[str, int] = {}  # by stream
        self._taken = 0  # messages of the batch that lie in the tail already

    @property
    def size(self) -> int:
        return self._tail.place

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self._began

    @property
    def exists(self) -> bool:
        """Whether it still has a name: nobody could read what is added to one that was removed."""
        return os.fstat(self._descriptor).st_nlink > 0

    def write(self, batch: Sequence[Shot]) -> None:
        """Add a batch. Raises OSError; then call it again with the same one."""
        for shot in batch[self._taken :]:
            self._writer.add_message(
                self._channels.get(shot.stream) or self._channel(shot.stream),
                log_time=shot.captured,
                data=foxglove.packed(shot.picture, shot.captured, shot.stream),
                publish_time=shot.captured,
                sequence=shot.number % SEQUENCES,
            )
            self._taken += 1
        self._bring_to_disk()
        self._taken = 0

    def end(self) -> None:
        """Raises OSError."""
        try:
            self._writer.finish()
            self._bring_to_disk()
        finally:
            os.close(self._descriptor)

    def _channel(self, stream: str) -> int:
        topic = stream.encode(errors="backslashreplace").decode() or "frames"
        channel: int = self._writer.register_channel(topic, foxglove.ENCODING, self._schema)
        self._channels[stream] = channel
        return channel

    def _bring_to_disk(self) -> None:
        at, rest = self._tail.place, memoryview(bytes(self._tail.bytes))
        while rest:
            written = os.pwrite(self._descriptor, rest, at)
            at, rest = at + written, rest[written:]
        sync_files([self._descriptor])
        if not self._tail.place:
            with opened(self.path.parent, FOLDER) as folder:
                sync_folder(folder)
        self._tail.place = at
        self._tail.bytes.clear()


class _Tail:
    """What a recording will get: the stream that mcap writes to."""

    def __init__(self) -> None:
        self.place = 0  # where in the file it goes
        self.bytes = bytearray()

    def write(self, more: bytes) -> int:
        self.bytes += more
        return len(more)

    def tell(self) -> int:
        return self.place + len(self.bytes)


def _new(folder: Path, name: str) -> tuple[Path, int]:
    """A file of a name that was never there, and its descriptor. Raises OSError."""
    number = 1
    while True:
        path = folder / f"{name}{f'-{number}' if number > 1 else ''}.mcap"
        try:
            return path, os.open(path, NEW_FILE, 0o666)
        except FileExistsError:
            number += 1


def writer() -> Callable[[_Tail], Any]:
    """What makes an MCAP writer. Raises ValueError, a sentence for the user, where mcap is missing."""
    try:
        from mcap.writer import CompressionType, Writer
    except ImportError as error:
        raise ValueError(f"recordings need mcap, which cannot be used ({error}): {INSTALL}") from None
    # A chunk ends with the first message in it. Images are compressed already.
    return partial(Writer, chunk_size=1, compression=CompressionType.NONE)
