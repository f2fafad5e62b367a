"""OpenFilter as its examples have it: `python -m bench.peers.openfilter clip.mp4 results`.

VideoIn with `sync`, so that no frame is skipped, a filter that embosses with cv2, and ImageOut, each a process.
ImageOut gives its names to strftime first, so what is to be a frame's number is written %%d. Nothing is reported home.
"""

import os
import sys
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "true"  # read when it is imported

import cv2
import numpy
from openfilter.filter_runtime.filter import Filter, Frame
from openfilter.filter_runtime.filters.image_out import ImageOut
from openfilter.filter_runtime.filters.video_in import VideoIn

KERNEL = numpy.array([[0, 0, 0], [0, 1, 0], [-1, 0, 0]], numpy.float32)
BETWEEN, BEHIND = "tcp://127.0.0.1:5550", "tcp://127.0.0.1:5552"  # each takes two ports


class Emboss(Filter):
    """Embosses each frame."""

    def process(self, frames: dict[str, Frame]) -> dict[str, Frame]:
        frame = frames["main"]
        return {"main": Frame(cv2.filter2D(frame.ro_bgr.image, -1, KERNEL, delta=128), frame.data, "BGR")}


def main(source: str, results: str) -> None:
    Filter.run_multi(
        [
            (VideoIn, {"sources": f"file://{source}!sync", "outputs": BETWEEN}),
            (Emboss, {"sources": BETWEEN, "outputs": BEHIND}),
            (ImageOut, {"sources": BEHIND, "outputs": f"file://{Path(results).absolute()}/%%d.jpg!quality=90"}),
        ]
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
