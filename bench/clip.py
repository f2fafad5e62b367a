"""The clip that all convert: 720p H.264, made once and kept."""

from pathlib import Path
from typing import Any

import av
import numpy

WIDTH, HEIGHT, RATE = 1280, 720, 24
GOP = 24  # frames from one key frame to the next


def clip(cache: Path, frames: int) -> Path:
    """The file with so many frames."""
    path = cache / "clips" / f"{frames}.mp4"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.mp4")
        _write(partial, frames)
        partial.rename(path)
    return path


def _write(path: Path, frames: int) -> None:
    """A textured scene over which the camera moves, with something that moves in it: about as hard as a real one."""
    scene = _scene()
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23", "g": str(GOP)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            left, top = 2 * number % (scene.shape[1] - WIDTH), number % (scene.shape[0] - HEIGHT)
            picture = scene[top : top + HEIGHT, left : left + WIDTH].copy()
            at = 7 * number % (WIDTH - 200)
            picture[200:400, at : at + 200] = 255 - picture[200:400, at : at + 200]
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)


def _scene() -> "numpy.ndarray[Any, Any]":
    """Noise of several sizes, smooth over slopes."""
    random = numpy.random.default_rng(7)
    height, width = 2 * HEIGHT, 2 * WIDTH
    total: numpy.ndarray[Any, Any] = numpy.zeros((height, width, 3))
    for size, weight in ((160, 90), (40, 60), (10, 30), (2, 5)):
        coarse = random.random((height // size + 2, width // size + 2, 3))
        smooth = coarse.repeat(size, 0).repeat(size, 1)[:height, :width]
        total += weight * smooth
    scene: numpy.ndarray[Any, Any] = (total * 255 / total.max()).astype(numpy.uint8)
    return scene
