"""A conversion that takes a known time, and writes down what it saw and how old that was."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bus import Message, batches, run

SEEN = Path("seen")  # a line for each frame: its number, and its age in seconds when user code got it


def slow(frames: Iterable[Message], *, seconds: float, batch: int = 8) -> Iterator[Message]:
    """Pass each frame on after `seconds`; they are taken in batches, as the nodes that save do."""
    with SEEN.open("a", buffering=1) as seen:
        for group in batches(frames, batch):
            for frame in group:
                seen.write(f"{frame.number} {(time.time_ns() - frame.captured) / 1e9:.4f}\n")
                frame.image.load()  # a conversion decodes
                time.sleep(seconds)  # and takes its time
                yield frame


if __name__ == "__main__":
    run(slow)
