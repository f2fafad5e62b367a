"""Frames that say in their pixels which they are, so that a result can be told right from wrong without its source.

A picture is 8 x 6 squares, black or white, read row by row: 4 bits for the stream, 24 for the number, 20 of their CRC.
Squares outlive JPEG and H.264. What the graph makes of a picture is its negative, mirrored: a step left out, or taken
twice, shows.
"""

import zlib

import numpy
from PIL import Image, ImageOps

ACROSS, DOWN, SIDE = 8, 6, 8  # squares, and pixels of a square's side
SIZE = ACROSS * SIDE, DOWN * SIDE
BITS = ACROSS * DOWN
CHECK_BITS = 20
DARK, BRIGHT = 64, 191  # grey levels up to which a square is black, and from which it is white
EDGE = 2  # pixels along the sides of a square that lossy coding may blur


def draw(stream: int, number: int) -> Image.Image:
    """The picture of frame `number` of `stream` (0 to 15)."""
    what = stream << 24 | number
    bits = what << CHECK_BITS | _check(what)
    squares = numpy.array([bits >> BITS - 1 - place & 1 for place in range(BITS)], numpy.uint8) * 255
    grey = squares.reshape(DOWN, ACROSS).repeat(SIDE, axis=0).repeat(SIDE, axis=1)
    return Image.fromarray(grey).convert("RGB")


def converted(picture: Image.Image) -> Image.Image:
    """What the graph makes of it: the converter the negative, the custom filter its mirror image."""
    return ImageOps.mirror(ImageOps.invert(picture))


def read(picture: Image.Image) -> tuple[int, int] | None:
    """The stream and the number of the frame that `picture` shows; None if it is not the whole picture of one."""
    if picture.size != SIZE:
        return None
    grey = numpy.asarray(picture.convert("L")).reshape(DOWN, SIDE, ACROSS, SIDE)[:, EDGE:-EDGE, :, EDGE:-EDGE]
    if not ((grey <= DARK) | (grey >= BRIGHT)).all():
        return None
    squares = grey.mean(axis=(1, 3)).ravel()
    if not ((squares <= DARK) | (squares >= BRIGHT)).all():
        return None
    bits = int("".join("1" if square >= BRIGHT else "0" for square in squares), 2)
    what, check = bits >> CHECK_BITS, bits & (1 << CHECK_BITS) - 1
    return (what >> 24, what & (1 << 24) - 1) if check == _check(what) else None


def _check(what: int) -> int:
    return zlib.crc32(what.to_bytes(4, "big")) & (1 << CHECK_BITS) - 1
