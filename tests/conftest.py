"""What many tests need: waiting for a condition, a program of the system, and a real clip."""

import importlib.util
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of some thousand processes compiles the project anew

Value = TypeVar("Value")
SLOW = (
    "test_screenshots.py",
    "test_chaos.py",
    "test_the_first_command",
    "test_a_server_that_was_killed",
    "test_numbers",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: begun last, it keeps one process at work while the others have nothing to do."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in SLOW))


def need(*programs: str) -> None:
    """Skip the test where a program is missing; where CI is set, fail instead: there all are installed."""
    for program in programs:
        if not shutil.which(program):
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")


def need_modules(*modules: str) -> None:
    """The same for what Python imports."""
    for module in modules:
        if not importlib.util.find_spec(module):
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{module} is not installed")


def until(condition: Callable[[], Value], seconds: float = 30.0, what: str | Callable[[], str] = "") -> Value:
    """Wait until `condition()` is true and return its value; fail after `seconds`, saying `what` did not come."""
    deadline = time.monotonic() + seconds
    while True:
        asked = time.thread_time()
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what or condition}")
        time.sleep(min(0.05, max(0.01, 4 * (time.thread_time() - asked))))  # others need the processor


def make_clip(path: Path, frames: int = 50, size: str = "1280x720", rate: int = 25) -> Path:
    """Write an H.264 clip of a moving pattern, `frames` long, each frame different from every other."""
    import av
    import numpy as np

    width, height = (int(side) for side in size.split("x"))
    down, across = np.indices((height, width), dtype=np.uint16).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            shift = np.uint8(number % 256)
            picture = np.stack([across + shift, down - shift, across + down], axis=-1)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
