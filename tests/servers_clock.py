"""A picture that tells when it was drawn: large black and white blocks, which survive JPEG and H.264.

Only the standard library is needed to draw, because the system's own Python draws too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

ACROSS, DOWN = 7, 4  # blocks: 24 bits of milliseconds, and 4 bits that tell a torn picture from a whole one
MILLISECONDS = 1 << 24  # after so many the clock begins anew: 4.6 hours


def drawn(width: int, height: int, milliseconds: int) -> bytes:
    """A grey picture, one byte a pixel, row by row, that shows this time."""
    bits = _bits(milliseconds % MILLISECONDS)
    picture = []
    for row in range(DOWN):
        blocks = bits[row * ACROSS : (row + 1) * ACROSS]
        line = b"".join(bytes([255 * bit]) * _share(width, at, ACROSS) for at, bit in enumerate(blocks))
        picture.append(line * _share(height, row, DOWN))
    return b"".join(picture)


def shown(picture: Image) -> int:
    """The time, in milliseconds, that a picture shows. Raises ValueError if it is torn or another picture."""
    grey = picture.convert("L")
    bits = [
        int(_pixel(grey, (2 * across + 1) / (2 * ACROSS), (2 * down + 1) / (2 * DOWN)) > 127)
        for down in range(DOWN)
        for across in range(ACROSS)
    ]
    milliseconds = sum(bit << at for at, bit in enumerate(bits[:24]))
    if bits != _bits(milliseconds):
        raise ValueError(f"the picture shows no time: {bits}")
    return milliseconds


def age(picture: Image, at: float) -> float:
    """How many seconds before `at` (seconds since the epoch) the picture was drawn."""
    late = (round(at * 1000) - shown(picture)) % MILLISECONDS
    return (late if late < MILLISECONDS // 2 else late - MILLISECONDS) / 1000


def now() -> int:
    return time.time_ns() // 1_000_000


def ticks(rate: float) -> Iterator[None]:
    """Comes `rate` times a second; who is late misses some."""
    due = time.monotonic()
    while True:
        yield
        due = max(due + 1 / rate, time.monotonic())
        time.sleep(max(0.005, due - time.monotonic()))  # no two pictures show the same millisecond


def _bits(milliseconds: int) -> list[int]:
    check = 5
    for at in range(0, 24, 4):
        check ^= milliseconds >> at & 15
    return [milliseconds >> at & 1 for at in range(24)] + [check >> at & 1 for at in range(4)]


def _share(length: int, at: int, parts: int) -> int:
    return length * (at + 1) // parts - length * at // parts


def _pixel(grey: Image, across: float, down: float) -> float:
    x, y = int(grey.width * across), int(grey.height * down)
    spot = grey.crop((max(0, x - 3), max(0, y - 3), x + 3, y + 3))
    pixels = spot.tobytes()
    return sum(pixels) / len(pixels)
