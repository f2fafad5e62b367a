"""Raw pixels, as they travel: their mode, width and height, and rows of bytes from the top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from bus.door import check_pixels
from bus.encoding import RAW_MODES
from bus.header import Malformed

if TYPE_CHECKING:
    import numpy

Shape = tuple[str, int, int]  # mode, width, height


def of_array(array: numpy.ndarray[Any, Any]) -> tuple[Shape, memoryview] | None:
    """The pixels of `array` (height x width, or that x 3 or 4, uint8), without a copy; None if it must be converted."""
    mode = {2: "L", 3: {3: "RGB", 4: "RGBA"}.get(array.shape[-1])}.get(array.ndim)
    if not mode or array.dtype != "uint8" or not array.size:
        return None
    height, width = array.shape[:2]
    return (mode, width, height), array.ravel().data.toreadonly()


def as_array(shape: Shape, pixels: bytes | memoryview) -> numpy.ndarray[Any, Any]:
    """RGB as numpy has it, without a copy, read-only. Raises Undecodable if they are too many."""
    import numpy

    _, width, height = shape
    check_pixels(width, height)
    return numpy.frombuffer(pixels, numpy.uint8).reshape(height, width, 3)


def as_image(shape: Shape, pixels: bytes | memoryview) -> Image.Image:
    """As Pillow has them. Raises Undecodable if they are too many."""
    mode, width, height = shape
    check_pixels(width, height)
    return Image.frombytes(mode, (width, height), pixels)


def check_size(shape: Shape, pixels: bytes | memoryview) -> None:
    """Raises Malformed unless there are as many bytes as `shape` says."""
    mode, width, height = shape
    if RAW_MODES[mode] * width * height != len(pixels) or not pixels:
        raise Malformed(f"{len(pixels)} bytes are not {width}x{height} pixels of {mode}")
