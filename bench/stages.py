"""The job `limit`: what each step of the recipe takes, alone in one process. Their sum is what no bus can undercut."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import av

from bench import emboss
from bench.clip import clip
from bench.contender import Contender, Figures, Job, Measure
from bench.peers.pool import GROUP, write
from bench.workshop import Workshop

FRAMES, QUICK_FRAMES = 48, 8
WORDS = (
    "One process, one step after the other, {} frames: H.264 to RGB pixels by PyAV; to JPEG, back to pixels,"
    " EMBOSS, by Pillow and by OpenCV; and a file, written in groups of 8 that share their syncs. The recipe needs all"
    " of them, JPEG twice and files twice."
)
Value = TypeVar("Value")


def limit(workshop: Workshop) -> Job:
    frames = QUICK_FRAMES if workshop.quick else FRAMES
    run = partial(_run, clip(workshop.cache, frames), not workshop.cv2)
    steps = Contender("steps", "each step alone; CPU of all threads", run, 0.1 * frames)
    measures = (Measure("seconds", "time", "ms a frame"), Measure("cpu", "CPU", "ms a frame"))
    return Job("limit", WORDS.format(frames), (steps,), measures, 1 if workshop.quick else 5)


def _run(source: Path, has_opencv: bool, folder: Path) -> Figures:
    found: Figures = {}

    def each(name: str, deed: Callable[[Any], Value], things: Iterable[Any]) -> list[Value]:
        cpu, began = time.process_time(), time.perf_counter()
        made = [deed(thing) for thing in things]
        took = time.perf_counter() - began, time.process_time() - cpu
        found[name] = {"seconds": took[0] * 1000 / len(made), "cpu": took[1] * 1000 / len(made)}
        return made

    with av.open(str(source)) as file:
        file.streams.video[0].thread_type = "AUTO"
        pixels = each("H.264 to pixels", lambda frame: frame.to_ndarray(format="rgb24"), file.decode(video=0))
    contents: list[bytes] = []
    for name, title in (("pillow", "Pillow"), ("opencv", "OpenCV"))[: 1 + has_opencv]:
        engine = emboss.engine(name)
        contents = each(f"pixels to JPEG by {title}", engine.encoded, map(engine.taken, pixels))
        pictures = each(f"JPEG to pixels by {title}", engine.decoded, contents)
        each(f"EMBOSS by {title}", engine.embossed, pictures)
    groups = [
        {f"{first + place}.jpg": content for place, content in enumerate(contents[first : first + GROUP])}
        for first in range(0, len(contents), GROUP)
    ]
    each("files", partial(write, folder), groups)
    found["files"] = {name: value / GROUP for name, value in found["files"].items()}
    return found
