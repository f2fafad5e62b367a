"""Mirror every frame, as a user's own filter might, at the speed that is asked for."""

import time
from collections.abc import Iterable, Iterator

from PIL import ImageOps

from bus import Message, run


def stamp(frames: Iterable[Message], *, seconds: float = 0.0) -> Iterator[Message]:
    for frame in frames:
        time.sleep(seconds)  # stands for work
        yield frame.replace(ImageOps.mirror(frame.image))


if __name__ == "__main__":
    run(stamp)
