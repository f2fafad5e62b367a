"""The jobs `recipe`, a clip to embossed JPEG files by way of JPEG files, and `direct`, without files in between."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.clip import clip
from bench.contender import Contender, Job
from bench.conversion import MEASURES, RESULTS, conversions
from bench.graphs import launched
from bench.workshop import Workshop

FRAMES, QUICK_FRAMES = 264, 24
SHORT = 24  # frames of the clip that tells what starting and ending cost
REPLICAS = 2
ENGINES = {"": "Pillow", "opencv": "OpenCV"}
EMBOSS = ":".join(f"{plane}m=-1 0 0 0 1 0 0 0 0:{plane}bias=128" for plane in range(3))  # for ffmpeg's convolution

FILES = "splitter, JPEG files, watcher, 2 converters, JPEG files; all synced, each source deleted; no page"
FILES_POOL = (
    "limit: no bus, no watcher. One process decodes and writes JPEG files, two convert them in groups of 8; synced and"
    " deleted as ours"
)
STRAIGHT = "splitter, raw frames on the wire, 2 converters, JPEG files; all synced; no page"
STRAIGHT_POOL = "limit: no bus. One process decodes, two get the pixels through a pipe, in groups of 8; synced as ours"
ORIGINAL = (
    "the script of 2013, in Python 3: gst-launch (or ffmpeg) writes JPEG files, pyinotify tells which is complete, the"
    " same process embosses it with Pillow, saves it and deletes the source; nothing synced"
)
OPENFILTER = "VideoIn, a filter with cv2.filter2D, ImageOut, by Filter.run_multi; no files between, nothing synced"
FASTEST = "our fastest"  # of our engines, as a contender to be beside
FFMPEG = "one command: decode, -vf format=gbrp,convolution, mjpeg; no files between, nothing synced"


def recipe(workshop: Workshop) -> Job:
    """From files to files."""
    words = "{} frames of 1280x720 H.264 become JPEG files (quality 90); each is embossed and saved as a JPEG file."
    openfilter, no_openfilter = workshop.python("openfilter")
    no_splitter = workshop.program("original", "gst-launch-1.0", "ffmpeg")
    peers = (
        Contender("original", ORIGINAL, _converting(workshop, _original), 10, no_splitter),
        Contender(
            "openfilter",
            OPENFILTER,
            _converting(workshop, partial(_openfilter, openfilter)),
            10,
            no_openfilter,
            every=2,
            beside=FASTEST,
        ),
    )
    return _job(workshop, "recipe", words, _through_files, (FILES, FILES_POOL), peers)


def direct(workshop: Workshop) -> Job:
    """No files in between."""
    words = "{} frames of 1280x720 H.264 are embossed and saved as JPEG files (quality 90); there are no files between."
    return _job(workshop, "direct", words, _straight, (STRAIGHT, STRAIGHT_POOL), ())


def _job(
    workshop: Workshop, name: str, words: str, graph: Any, ours_and_pool: tuple[str, str], peers: tuple[Contender, ...]
) -> Job:
    """Ours with each engine beside the pool with the same one, and who filters in C beside our faster one."""
    ours, pool = ours_and_pool
    contenders: list[Contender] = []
    for engine, title in ENGINES.items():
        suffix = f", {engine}" if engine else ""
        missing = workshop.engine(engine)
        args = {"engine": engine or "pillow"} if workshop.has_engines else {}
        contenders += (
            Contender(
                f"ours{suffix}", f"{ours}; with {title}", _converting(workshop, partial(graph, args)), 8.5, missing
            ),
            Contender(
                f"pool{suffix}",
                f"{pool}; with {title}",
                _converting(workshop, partial(_pool, name, engine or "pillow")),
                7,
                workshop.cv2 if engine else "",
                beside="ours" if missing else f"ours{suffix}",
            ),
        )
    fast = [contender for contender in contenders if contender.name.startswith("ours") and not contender.missing][-1]
    no_ffmpeg = workshop.program("ffmpeg", "ffmpeg")
    ffmpeg = Contender("ffmpeg", FFMPEG, _converting(workshop, _ffmpeg), 5, no_ffmpeg, beside=FASTEST)
    contenders += (replace(one, beside=fast.name) if one.beside is FASTEST else one for one in (*peers, ffmpeg))
    return Job(
        name,
        words.format(QUICK_FRAMES if workshop.quick else FRAMES),
        tuple(contenders),
        MEASURES,
        1 if workshop.quick else 10,
    )


def _converting(workshop: Workshop, command: Any) -> Any:
    """A contender's run: the command, for the clips."""
    lengths = (QUICK_FRAMES,) if workshop.quick else (SHORT, FRAMES)
    return partial(conversions, command, [(clip(workshop.cache, frames), frames) for frames in lengths])


def _through_files(args: dict[str, str], source: Path, folder: Path) -> Sequence[str | Path]:
    return launched(through_files(args, source), folder)


def through_files(args: dict[str, str], source: Path) -> dict[str, Any]:
    """The nodes of the recipe; `args`: what the converter is told beyond the filter."""
    return {
        "splitter": {"run": "nodes.splitter", "push": "streams", "args": {"source": str(source), "folder": "spool"}},
        "watcher": {"run": "nodes.watcher", "pull": "streams", "push": "frames", "args": {"folder": "spool"}},
        "converter": _converter(args),
    }


def _straight(args: dict[str, str], source: Path, folder: Path) -> Sequence[str | Path]:
    nodes = {
        "splitter": {"run": "nodes.splitter", "push": "frames", "args": {"source": str(source)}},
        "converter": _converter(args),
    }
    return launched(nodes, folder)


def _converter(args: dict[str, str]) -> dict[str, Any]:
    converting = {"filter": "emboss", "folder": RESULTS, **args}
    return {"run": "nodes.converter", "pull": "frames", "args": converting, "replicas": REPLICAS}


def _pool(job: str, engine: str, source: Path, folder: Path) -> Sequence[str | Path]:
    between = "files" if job == "recipe" else "pipe"
    return sys.executable, "-m", "bench.peers.pool", between, engine, source, RESULTS, str(REPLICAS)


def _original(source: Path, folder: Path) -> Sequence[str | Path]:
    return sys.executable, "-m", "bench.peers.original", source, RESULTS


def _openfilter(python: Path, source: Path, folder: Path) -> Sequence[str | Path]:
    return python, "-m", "bench.peers.openfilter", source, folder / RESULTS


def _ffmpeg(source: Path, folder: Path) -> Sequence[str | Path]:
    words = ["-v", "error", "-i", str(source), "-vf", f"format=gbrp,convolution={EMBOSS}", "-q:v", "2"]
    return shutil.which("ffmpeg") or "ffmpeg", *words, f"{RESULTS}/%08d.jpg"
