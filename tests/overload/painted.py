"""Pictures that say their number in blocks of black and white, which outlive any codec: what is right can be read."""

from pathlib import Path

import av
import numpy
from PIL import Image

BITS = 16
SIZES = {"1080p": (1920, 1080), "720p": (1280, 720), "4k": (3840, 2160)}  # width and height, pixels

Pixels = numpy.ndarray[tuple[int, int, int], numpy.dtype[numpy.uint8]]


def paint(number: int, width: int, height: int) -> Pixels:
    """`height` x `width` x 3, RGB: a slope of grey, and the bits of `number` across the middle, the lowest first."""
    picture = numpy.empty((height, width, 3), numpy.uint8)
    picture[:] = (numpy.arange(width) % 200 + 20).astype(numpy.uint8)[None, :, None]
    for bit in range(BITS):
        picture[height // 3 : 2 * height // 3, _block(bit, width)] = 255 if number >> bit & 1 else 0
    return picture


def number_in(image: Image.Image) -> int:
    """The number that was painted."""
    grey = numpy.asarray(image.convert("L"))
    height, width = grey.shape
    middle = grey[2 * height // 5 : 3 * height // 5]
    return sum(int(middle[:, _block(bit, width)].mean() > 127) << bit for bit in range(BITS))


def write_clip(path: Path, frames: int, width: int, height: int) -> None:
    """An H.264 clip of painted frames, numbered from 0."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(paint(number, width, height), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _block(bit: int, width: int) -> slice:
    return slice(bit * width // BITS, (bit + 1) * width // BITS)
