"""A clip becomes embossed JPEG files: how fast, at what cost, and whether all of them are there."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.contender import Figures, Measure
from bench.family import Broken, Family

LOOK = 0.04  # seconds between two looks at the folder of results
PATIENCE = 60.0  # seconds until the first result
FINISH = 2.0  # seconds that the last result is given to become whole
QUIET = 10.0  # seconds without a new result after which no more are expected
RESULTS = "converted"  # the folder, in the one that a contender runs in
SMALLEST = 10_000  # bytes that a whole result has at least

MEASURES = (
    Measure("rate", "throughput", "frames/s"),
    Measure("whole", "whole", "frames/s, from the command on"),
    Measure("cpu", "CPU", "ms a frame"),
    Measure("cpu_whole", "CPU, whole", "ms a frame"),
    Measure("lost", "lost", "frames", is_compared=False, is_mean=True),
)

Command = Callable[[Path, Path], Sequence[str | Path]]  # for a clip, in a folder


def conversions(command: Command, clips: Sequence[tuple[Path, int]], folder: Path) -> Figures:
    """The figures of the last of some clips, each with its number of frames, from short to long.

    What a frame costs is taken from the difference between the first and the last, without starting and ending.
    """
    found = []
    for clip, frames in clips:
        place = folder / clip.stem
        place.mkdir()
        found.append(conversion(partial(command, clip), frames, place)[""])
    short, long = found[0], found[-1]
    if long["results"] > short["results"]:
        spent = long["cpu_whole"] * long["results"] - short["cpu_whole"] * short["results"]
        long["cpu"] = spent / (long["results"] - short["results"])
    return {"": long}


def conversion(command: Callable[[Path], Sequence[str | Path]], frames: int, folder: Path) -> Figures:
    """Run it until all `frames` are converted, or no more come. Raises Broken if results are no pictures."""
    results = folder / RESULTS
    results.mkdir()
    with Family(command(folder), folder) as family:
        family.until(lambda: _count(results), PATIENCE, "the first result")
        first = seen = _count(results)
        began = changed = now = time.monotonic()
        while seen < frames and now - changed < QUIET:
            time.sleep(LOOK)
            now = time.monotonic()
            if (count := _count(results)) > seen:
                seen, changed = count, now
        if seen == first:
            raise Broken(f"after {first} results no more came: {family.said[-1500:].strip()}")
        finished = time.monotonic()
        while _broken(results) and time.monotonic() < finished + FINISH:  # of the last there may be no more than a name
            time.sleep(LOOK)
        family.leave(by_itself=False)
        family.kill()
        whole = family.cpu
    if broken := _broken(results):
        raise Broken(f"{broken} is no whole JPEG")
    steady = seen - first
    return {
        "": {
            "rate": steady / (changed - began),
            "whole": seen / (changed - family.began),
            "cpu": whole * 1000 / seen,
            "cpu_whole": whole * 1000 / seen,
            "lost": frames - seen,
            "frames": frames,
            "results": seen,
        }
    }


def _count(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.name.endswith(".jpg") and not entry.name.startswith(".") for entry in entries)


def _broken(folder: Path) -> str:
    """The name of a result that is no whole picture; empty if there is none."""
    for path in sorted(folder.glob("*.jpg"), reverse=True):
        content = path.read_bytes()
        if len(content) < SMALLEST or content[:3] != b"\xff\xd8\xff" or content[-2:] != b"\xff\xd9":
            return path.name
    return ""
