"""Frames through a chain of filters by OpenCV, and JPEG by it too; what is not OpenCV's to do is left to Pillow."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy
import PIL
from PIL import Image, ImageFilter

from bus import Message, encode
from media.imaging.arrays import MODES, Array, array_chain, array_of, image_of
from media.imaging.engines import Picture, Pillow
from media.imaging.filters import unpacked
from media.imaging.plain import Plain, plain

TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
HEAD = 20  # bytes of a JPEG before its comment, as Pillow places it

cv2.setNumThreads(1)  # replicas share out the cores; threads of its own would only hand small parts to and fro


@dataclass
class Pixels:
    """An array, the order of its colours, and what came with the image and goes into the result's file."""

    array: Array
    order: str
    info: dict[Any, Any] = field(default_factory=dict)

    def content(self, format: str, quality: int) -> Image.Image | bytes:
        """What is saved: a JPEG, byte for byte as Pillow writes it, or else an image."""
        comment = self.info.get("comment", b"")
        if format != "jpg" or self.array.shape[2:] not in ((), (3,)) or not isinstance(comment, bytes):
            return self.image
        colours = self.array.ndim == 3 and self.order == "RGB"
        array = cv2.cvtColor(self.array, cv2.COLOR_RGB2BGR) if colours else self.array
        try:
            done, body = cv2.imencode(".jpg", array, [cv2.IMWRITE_JPEG_QUALITY, quality])
        except cv2.error:  # Pillow says what is wrong with it
            return self.image
        if not done or not comment:
            return body.tobytes() if done else self.image
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        return b"".join((body.data[:HEAD], segment, body.data[HEAD:]))

    @property
    def payload(self) -> Array:
        """What is pushed on."""
        array = self.array
        if self.order == "BGR" and array.shape[2:] in ((3,), (4,)):
            array = cv2.cvtColor(array, TO_RGB[array.shape[2]])
        return array

    @property
    def image(self) -> Image.Image:
        image = image_of(self.array, self.order)
        image.info = self.info
        return image


class OpenCV:
    """A chain of filters by OpenCV."""

    def __init__(self, filter: str | list[Any] | dict[str, Any], pillow: Pillow) -> None:
        """`pillow` does what OpenCV cannot. Raises ValueError if this OpenCV does not do as Pillow does."""
        self._pillow = pillow
        self._change, self._borrowed = array_chain(filter)
        if problem := self._tried():
            raise ValueError(f"OpenCV {cv2.__version__} {problem}")

    def __str__(self) -> str:
        others = f", {', '.join(self._borrowed)} with Pillow {PIL.__version__}" if self._borrowed else ""
        return f"converts with OpenCV {cv2.__version__}{others}"

    def convert(self, frame: Message) -> Pixels | Picture:
        """The frame converted. Raises Undecodable, and ValueError for a frame that a filter does not fit."""
        pixels = _pixels(frame)
        if pixels is None:
            return self._pillow.convert(frame)
        pixels.array = self._change(pixels.array, pixels.order)
        return pixels

    def _tried(self) -> str:
        """What is wrong with this OpenCV, after a trial; empty if nothing is.

        It may be of any build: that of the system, say, with another JPEG library.
        """
        noise = numpy.random.default_rng(1).integers(0, 256, (48, 64, 3), numpy.uint8)
        smooth = Image.fromarray(noise).filter(ImageFilter.SMOOTH)
        file = encode(smooth)
        with suppress(ValueError):  # a crop that does not fit
            ours, theirs = self.convert(Message(file)), self._pillow.convert(Message(file))
            if not isinstance(ours, Pixels) or _off(ours.image, theirs.image) > 1:
                return "does not decode or filter a trial picture as Pillow does"
        return (
            ""
            if Pixels(array_of(smooth, "BGR"), "BGR").content("jpg", 90) == file
            else ("does not encode a trial picture as Pillow does")
        )


def _off(ours: Image.Image, theirs: Image.Image) -> int:
    """Grey levels between two images, at most."""
    if (ours.mode, ours.size) != (theirs.mode, theirs.size):
        return 256
    return int(numpy.abs(numpy.asarray(ours, int) - numpy.asarray(theirs, int)).max())


def _pixels(frame: Message) -> Pixels | None:
    """The pixels of a frame; None if only Pillow can filter them. Raises Undecodable."""
    if not frame.encoded:
        raw = frame.pixels
        if isinstance(raw, tuple) and raw[0][0] == "RGB":
            return Pixels(frame.array, "RGB")
    elif (jpeg := plain(data := frame.bytes)) and (array := _decoded(data, jpeg)) is not None:
        return Pixels(array, "BGR", {"comment": jpeg.comment} if jpeg.comment else {})
    image = unpacked(frame.image)
    if image.mode not in MODES or "transparency" in image.info:
        return None
    return Pixels(array_of(image, "BGR"), "BGR", dict(image.info))


def _decoded(data: bytes, jpeg: Plain) -> Array | None:
    """The pixels of a file; None for one that is Pillow's to refuse."""
    flags = cv2.IMREAD_GRAYSCALE if jpeg.bands == 1 else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        array = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), flags)
    except cv2.error:
        return None
    return array if array is not None and array.shape[:2] == (jpeg.height, jpeg.width) else None
