"""Message <-> two ZeroMQ parts: a JSON header that says who, when and what, and a payload."""

from __future__ import annotations

import builtins
import os
import time as clock
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from bus.contents import closed, contents, contents_of, opened
from bus.door import Undecodable
from bus.header import Malformed, from_wire, to_wire
from bus.kept import keep
from bus.meta import check_meta, facts
from bus.picture import as_raw, decode
from bus.pixels import Shape, as_array, as_image, check_size, of_array
from bus.unreadable import Unreadable

if TYPE_CHECKING:
    import numpy

Finish = Callable[[str, str], object]


class Message:
    """One thing on its way: who and when, and a payload: encoded bytes, raw pixels, or the name of a file."""

    __slots__ = (
        "__weakref__", "_fd", "_image", "_payload", "_raw", "captured", "data", "encoding", "file", "finish",
        "hops", "name", "number", "origin", "reason", "stream", "time",
    )  # fmt: skip

    def __init__(
        self,
        payload: builtins.bytes | Image.Image | numpy.ndarray[Any, Any] | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        stream: str = "",
        number: int | None = None,
        name: str = "",
        captured: int = 0,
        time: str = "captured",
        data: dict[str, Any] | None = None,
        finish: Finish | None = None,
    ) -> None:
        """`captured` is in nanoseconds since the epoch (0: now); `time` says what it is: `captured` or `written`.

        `finish(verdict, reason)` is called once, when everything downstream is through with this message. If it gives
        True, the message was not done, nor dropped: its owner sends it again.
        """
        self.stream, self.number, self.name = stream, number, name
        self.captured, self.time = captured or clock.time_ns(), time
        self.data: dict[str, Any] = data or {}
        self.hops: list[tuple[str, int]] = []  # (replica, ns since the epoch) at each node that passed it on
        self.file = None if file is None else os.fspath(file)
        self.finish = finish
        self.reason: str | None = None
        self.encoding = ""  # of pixels that were encoded for a wire: jpeg, png or webp
        self.origin: object = None  # the bus's own: what came in on a wire and was made into this
        self._payload: builtins.bytes | memoryview | None = None  # not bytes: in an arena, or a user's array
        self._raw: Shape | None = None  # of a payload of raw pixels
        self._image: Image.Image | None = None
        self._fd: int | None = None
        if isinstance(payload, Image.Image):
            self._image = payload
        elif isinstance(payload, bytes | bytearray | memoryview):
            self._payload = bytes(payload)
        elif payload is not None and (pixels := of_array(payload)):
            self._raw, self._payload = pixels
        elif payload is not None:
            self._image = Image.fromarray(payload)

    def __repr__(self) -> str:
        number = "" if self.number is None else f" {self.number}"
        return f"<message {self.name or self.stream or 'without a name'}{number}>"

    @property
    def bytes(self) -> builtins.bytes:
        """What it came in: an encoded image, a file's content, or raw pixels.

        Raises OSError if the file has gone or cannot be read, Undecodable if it is larger than any image that is read.
        """
        if self._payload is not None:
            if not isinstance(self._payload, builtins.bytes):
                self._payload = bytes(self._payload)
            return self._payload
        if self.file is None:
            return b"" if self._image is None else self._image.tobytes()
        try:
            return contents_of(self.file) if self._fd is None else contents(self._fd)
        except (Undecodable, Unreadable) as error:
            error.culprit = self
            raise

    @property
    def image(self) -> Image.Image:
        """A Pillow image, upright, decoded on first use and kept as bus/kept.py says. Raises Undecodable."""
        if self._image is not None:
            return self._image
        try:
            image = self._decoded()
        except Undecodable as error:
            error.culprit = self
            raise
        if keep(self, image.width * image.height):
            self._image = image
        return image

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """The image as numpy: RGB, uint8, height x width x 3; read-only: `replace` a copy. Raises Undecodable.

        Of raw RGB it is the payload itself, without a copy: in shared memory, if it came from this host.
        """
        if self._payload is not None and self._raw is not None and self._raw[0] == "RGB":
            return as_array(self._raw, self._payload)
        import numpy

        image = self.image
        pixels = numpy.array(image if image.mode == "RGB" else image.convert("RGB"))
        pixels.flags.writeable = False
        return pixels

    @property
    def encoded(self) -> bool:
        """Whether `.bytes` are those of an image file, untouched since they came."""
        return self._raw is None and (self._payload is not None or self.file is not None)

    @property
    def empty(self) -> bool:
        """Whether it carries facts only: no bytes, image or file."""
        return self._payload is None and self._image is None and self.file is None

    def replace(
        self,
        payload: builtins.bytes | Image.Image | numpy.ndarray[Any, Any] | None = None,
        *,
        name: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> Message:
        """A message with a new payload (None: the same one) that keeps who and when; `data` adds to what was there."""
        file, name = self.file if payload is None else None, self.name if name is None else name
        new = Message(payload, file=file, stream=self.stream, number=self.number, name=name, time=self.time)
        new.captured, new.data = self.captured, {**self.data, **(data or {})}
        new.hops, new.origin = list(self.hops), self.origin
        if payload is None:
            new._payload, new._raw, new._image, new.encoding = self._payload, self._raw, self._image, self.encoding
        return new

    def reject(self, reason: str) -> None:
        """Say that this one can never be done: it becomes a dead letter on its owner's host."""
        self.reason = reason

    # ---- the bus's own

    def open(self, grants: Sequence[Path]) -> None:
        """Open the file that it stands for, so that it stays readable, if it lies below one of `grants`.

        `grants` are real paths. Raises FileNotFoundError, Malformed, OSError, or Unreadable where the disk fails.
        """
        if self.file is None:
            return
        place = Path(os.path.realpath(self.file)) if "\0" not in self.file else Path()
        if not Path(self.file).is_absolute() or not any(place.is_relative_to(grant) for grant in grants):
            raise Malformed(f"names the file {to_wire(self.file)}, which lies below no granted folder")
        self._fd = opened(place)
        if self._fd is None:
            raise Malformed(f"names {to_wire(self.file)}, which is no file")

    def close(self) -> None:
        if self._fd is not None:
            closed(self._fd)
            self._fd = None

    def forget_image(self) -> None:
        """Give up an image that was decoded; the next `.image` decodes it afresh."""
        if self.file is not None or self._payload is not None:
            self._image = None

    @property
    def is_named(self) -> bool:
        """Whether it stands for a file."""
        return self._payload is None and self.file is not None

    @property
    def pixels(self) -> Image.Image | tuple[Shape, builtins.bytes | memoryview] | None:
        """What a node made and no wire has encoded: an image, or raw pixels with their mode, width and height."""
        if self._payload is None:
            return None if self.file is not None else self._image
        return None if self._raw is None else (self._raw, self._payload)

    def lend(self) -> int | None:
        """A descriptor of its open file, for the borrower to close."""
        return None if self._fd is None else os.dup(self._fd)

    def dump(self) -> tuple[dict[str, Any], builtins.bytes | memoryview]:
        """What stands in the header under `meta`, and the payload: pixels are raw, a file is its name.

        Raises ValueError if it cannot travel.
        """
        meta = facts(self)
        if self._payload is not None:
            if self._raw is not None:
                meta["raw"] = self._raw
            if self.encoding:
                meta["encoded"] = self.encoding
            return meta, self._payload
        if self.file is not None:
            meta["file"] = to_wire(self.file)
            return meta, b""
        if self._image is None:
            meta["empty"] = True
            return meta, b""
        image = as_raw(self._image)
        meta["raw"] = (image.mode, image.width, image.height)
        return meta, image.tobytes()

    def _decoded(self) -> Image.Image:
        if self.empty:
            raise Undecodable(f"cannot decode: {self!r} carries no image")
        if self._raw is None or self._payload is None:
            return decode(self.bytes)
        return as_image(self._raw, self._payload)

    @classmethod
    def load(cls, meta: dict[str, Any], payload: builtins.bytes | memoryview) -> Message:
        """The message in (`meta`, `payload`). Raises Malformed if they do not fit each other."""
        check_meta(meta)
        new = cls(
            file=from_wire(meta["file"]) if "file" in meta else None,
            stream=meta["stream"],
            number=meta.get("number"),
            name=from_wire(meta["name"]),
            captured=meta["captured"],
            time=meta["time"],
            data=meta.get("data"),
        )
        new.hops = [(replica, ns) for replica, ns in meta["hops"]]
        new.encoding = meta.get("encoded", "")
        if "raw" in meta:
            mode, width, height = meta["raw"]
            new._raw = mode, width, height
            check_size(new._raw, payload)
        if new.file is None and not meta.get("empty"):
            new._payload = payload
        return new
