"""The job `scale`: what a frame costs must not grow with cameras, replicas, nodes and files that wait."""

import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.contender import Contender, Figures, Job, Measure
from bench.family import Family
from bench.graphs import camera, chain, counted, counter, launched, passer
from bench.workshop import Workshop

CAMERA_RATE, CHAIN_RATE = 30, 100  # frames a second
NAP = 0.02  # seconds
WARM = 50  # frames that are not measured
SECONDS, QUICK_SECONDS = 2.5, 0.5  # for which each size is measured
MOST = 2_000  # frames that are measured, so that files still wait at the end
LOOK = 0.02  # seconds between two looks
PATIENCE = 90.0  # seconds until the first frames have come: many processes start
FILE = b"\xff\xd8\xff" + bytes(500)  # nobody decodes it
MEASURES = (
    Measure("rate", "throughput", "frames/s"),
    Measure("cpu", "CPU", "us a frame and hop"),
    Measure("growth", "CPU", "of that of the smallest", is_compared=False),
)
WORDS = (
    "Encoded images of 120 KB pass through a graph; nobody decodes them. Cameras: so many, at 30 frames/s each, and one"
    " sink. Replicas: one camera, as fast as goes, so many of a filter that sleeps 20 ms, a sink. Chain: a camera at"
    " 100 frames/s, so many nodes that pass it on, a sink. Files: a watcher and a sink, while so many small files wait."
    " CPU is that of all processes, the launcher included, for each hop of each frame."
)


class Size(NamedTuple):
    """One graph: how to lay it out in a folder, and how many hops a frame makes."""

    family: str
    number: int
    hops: int
    nodes: Callable[[Path], dict[str, Any]]


def scale(workshop: Workshop) -> Job:
    sizes = (
        _sizes((2,), (2,), (2,), (3_000,))
        if workshop.quick
        else _sizes((1, 4, 16), (1, 8, 32), (1, 4, 16), (5_000, 100_000))
    )
    seconds = QUICK_SECONDS if workshop.quick else SECONDS
    ours = Contender("ours", "graphs of small nodes; no page", partial(_run, sizes, seconds), 6.0 * len(sizes))
    return Job("scale", WORDS, (ours,), MEASURES, 1 if workshop.quick else 3)


def _sizes(cameras: Sequence[int], replicas: Sequence[int], chains: Sequence[int], files: Sequence[int]) -> list[Size]:
    return [
        *(Size("cameras", count, 1, partial(_cameras, count)) for count in cameras),
        *(Size("replicas", count, 2, partial(_replicas, count)) for count in replicas),
        *(Size("nodes in a chain", count, count + 1, partial(_chain, count)) for count in chains),
        *(Size("files that wait", count, 1, partial(_files, count)) for count in files),
    ]


def _cameras(count: int, folder: Path) -> dict[str, Any]:
    cameras = {f"camera{number}": camera("frames", rate=CAMERA_RATE) for number in range(count)}
    return {**cameras, "counter": counter("frames")}


def _replicas(count: int, folder: Path) -> dict[str, Any]:
    return {"camera": camera("frames"), "filter": passer("frames", "done", count, nap=NAP), "counter": counter("done")}


def _chain(count: int, folder: Path) -> dict[str, Any]:
    return chain(count, rate=CHAIN_RATE)


def _files(count: int, folder: Path) -> dict[str, Any]:
    spool = folder / "spool"
    spool.mkdir()
    for number in range(count):
        (spool / f"{number:06d}.jpg").write_bytes(FILE)
    watcher = {"run": "nodes.watcher", "push": "frames", "args": {"folder": "spool"}}
    return {"watcher": watcher, "counter": counter("frames")}


def _run(sizes: Sequence[Size], seconds: float, folder: Path) -> Figures:
    found: Figures = {}
    smallest: dict[str, float] = {}
    for size in sizes:
        place = folder / f"{size.family} {size.number}"
        place.mkdir()
        figures = _measured(launched(size.nodes(place), place), place, seconds, size.hops)
        shutil.rmtree(place)
        figures["growth"] = figures["cpu"] / smallest.setdefault(size.family, figures["cpu"])
        found[f"{size.family}: {size.number:,}"] = figures
    return found


def _measured(command: Sequence[str | Path], folder: Path, seconds: float, hops: int) -> dict[str, float]:
    with Family(command, folder) as family:
        family.until(lambda: counted(family) >= WARM, PATIENCE, f"{WARM} frames")
        cpu, count, began = family.cpu, counted(family), time.monotonic()
        while time.monotonic() < began + seconds and counted(family) < count + MOST:
            time.sleep(LOOK)
        spent, done, took = family.cpu - cpu, counted(family) - count, time.monotonic() - began
    return {"rate": done / took, "cpu": spent * 1e6 / done / hops, "frames": done}
