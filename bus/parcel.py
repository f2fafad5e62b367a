"""What a message carries, in the forms that wires want: each made once, when it is about to be sent, and not before."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from PIL import Image

from bus.contents import closed, contents, contents_of
from bus.encoding import RAW, Encoding
from bus.header import to_wire
from bus.message import Message
from bus.picture import JPEG_MODES, SIDES, WRITES, as_raw, encode
from bus.unreadable import PATIENCE, RETRY, disk_blamed

DEEP = "I;16"  # pixels of 16 bits, which png holds
HOLDS = {"jpeg": JPEG_MODES, "webp": ("L", "RGB", "RGBA"), "png": ("L", "RGB", "RGBA", DEEP)}
ENDLESS = 2**31  # pixels: longer than any side


class Form:
    """One form of what a message carries. Wires that want the same share it."""

    __slots__ = ("_encoding", "_parcel", "due", "failing_since", "fields", "made", "payload", "waited_for")

    def __init__(self, parcel: Parcel, encoding: Encoding) -> None:
        self._parcel, self._encoding = parcel, encoding
        self.made = False
        self.fields: dict[str, Any] = {}  # of the meta, once it is made
        self.payload = b""  # likewise
        self.waited_for = 0  # wires that may still ask for it
        self.due = 0.0  # by time.monotonic: when to try again; above 0 once its file could not be read
        self.failing_since = 0.0

    def make(self) -> None:
        """Raises FileNotFoundError, Unreadable, Undecodable or another OSError for a file that cannot be read."""
        if not self.made:
            self.fields, self.payload = self._parcel.content(self._encoding)
            self.made = True
            self._parcel.settle()

    def put_off(self, others_read: float) -> bool:
        """Its file cannot be read: it is due later. False if it alone fails: for long, and others were read since."""
        now = time.monotonic()
        self.failing_since = self.failing_since or now
        self.due = now + RETRY
        return now - self.failing_since < PATIENCE or others_read < self.failing_since

    def leave(self) -> None:
        """One of the wires that wait for it has it, or does not want it any more."""
        self.waited_for -= 1
        self._parcel.settle()


class Parcel:
    """Pixels or a file, and the forms of it. It lets go of them as soon as no form is left to be made."""

    def __init__(self, message: Message) -> None:
        """Raises ValueError, or OSError, if they cannot travel."""
        self._pixels, self._file, self._fd = message.pixels, message.file, message.lend()
        self._forms: dict[Encoding, Form] = {}
        if isinstance(self._pixels, Image.Image):
            if self._pixels.mode != DEEP or 0 in self._pixels.size:
                self._pixels = as_raw(self._pixels)
            self._pixels.load()

    def form(self, encoding: Encoding) -> Form:
        """That for one more wire."""
        encoding = RAW if self._pixels is None else encoding  # a file is its bytes everywhere
        form = self._forms.setdefault(encoding, Form(self, encoding))
        form.waited_for += 1
        return form

    def content(self, encoding: Encoding) -> tuple[dict[str, Any], bytes]:
        if isinstance(self._pixels, tuple):
            (mode, width, height), body = self._pixels
            return packed(Image.frombytes(mode, (width, height), body), encoding)
        if self._pixels is not None:
            return packed(self._pixels, encoding)
        if self._fd is not None:
            return {}, contents(self._fd)
        with disk_blamed(self._file):
            return {}, contents_of(str(self._file))

    def letter(self) -> tuple[dict[str, Any], bytes]:
        """The same as its owner has it for a dead letter: a file is its name, pixels are as they were sent."""
        if self._file is not None:
            return {"file": to_wire(self._file)}, b""
        return next(((form.fields, form.payload) for form in self._forms.values() if form.made), ({"empty": True}, b""))

    def keep(self) -> None:
        """User code goes on, and may draw on its image again: what is still to be made needs a copy."""
        if isinstance(self._pixels, Image.Image):
            self._pixels = self._pixels.copy()

    def settle(self) -> None:
        if any(form.waited_for and not form.made for form in self._forms.values()):
            return
        self._pixels = None
        if self._fd is not None:
            closed(self._fd)
            self._fd = None


def packed(image: Image.Image, encoding: Encoding) -> tuple[dict[str, Any], bytes]:
    """`image` as bytes, and what its meta says of them: as png, or else raw, where `encoding` cannot hold all of it."""
    for format in (encoding.format, "png"):
        if (
            image.mode in HOLDS[format]
            and 0 not in image.size
            and max(image.size) <= SIDES.get(WRITES[format], ENDLESS)
        ):
            with suppress(OSError, ValueError):  # whatever an encoder has against it
                return {"encoded": format}, encode(image, format, encoding.quality)
    image = as_raw(image)
    return {"raw": (image.mode, image.width, image.height)}, image.tobytes()
