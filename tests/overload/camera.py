"""A source of painted frames, raw on the wire: at a camera's rate, or as fast as they are taken."""

import time
from collections.abc import Iterator

from bus import Message, progress, run
from tests.overload.painted import paint


def camera(*, count: int, width: int, height: int, rate: float = 0.0) -> Iterator[Message]:
    """`count` frames, at `rate` a second; 0: as fast as they are taken."""
    due = time.monotonic()
    for number in range(count):
        picture = paint(number, width, height)
        if rate:
            time.sleep(max(0.0, due - time.monotonic()))  # a camera has a clock
            due += 1 / rate
        yield Message(picture, stream="camera", number=number, name=f"camera-{number:08d}.jpg")
        progress(number + 1, count)


if __name__ == "__main__":
    run(camera)
