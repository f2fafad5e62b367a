"""What many tests need: waiting for a condition, and a real clip."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


def until(condition: Callable[[], Value], seconds: float = 10.0, what: str = "") -> Value:
    """Wait until `condition()` is true and return its value; fail after `seconds`, saying `what` did not come."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.01)


def make_clip(path: Path, frames: int = 50, size: str = "1280x720", rate: int = 25) -> Path:
    """Write an H.264 clip of a moving pattern, `frames` long, each frame different from every other."""
    import av
    import numpy as np

    width, height = (int(side) for side in size.split("x"))
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            picture = np.stack([across + 3 * number, down + 5 * number, across + down], axis=-1).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
