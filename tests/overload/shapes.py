"""The graphs that are overloaded: a source ten times faster than what comes behind it, in each way to be so."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.decoding.outbox import DEPTH
from media.saving.results import GROUP
from tests.overload.memory import pulling, pushing
from tests.overload.painted import write_clip

Graph = dict[str, Any]

RATE = 30  # frames a second of a live source
BUDGET = 20  # files that may wait in the folder
SMALL = 4 * 160 * 90  # bytes of a frame that was made small, decoded
LATEST_ONES = 2  # messages of a keep: latest wire that are with a node: at its end of it, and on their way or just over
REFERENCES = 17  # frames that an H.264 decoder keeps at most: 16 to draw upon, and the one that is drawn


@dataclass(frozen=True)
class Load:
    """How much: frames in all, their size in pixels, and how long the conversion of one takes."""

    count: int
    width: int
    height: int
    seconds: float

    @property
    def raw(self) -> int:
        """Bytes of a frame on the wire."""
        return 3 * self.width * self.height

    @property
    def decoded(self) -> int:
        """Bytes of a frame as Pillow holds it: four a pixel, also of RGB."""
        return 4 * self.width * self.height

    @property
    def decoder(self) -> int:
        """Bytes that a clip's decoder may hold: the frames it draws upon, as YUV 4:2:0, and those on their way."""
        return REFERENCES * self.width * self.height * 3 // 2 + DEPTH * self.raw

    @property
    def camera(self) -> Graph:
        return {
            "run": "tests.overload.camera",
            "args": {"count": self.count, "width": self.width, "height": self.height},
        }

    @property
    def slow(self) -> Graph:
        return {"run": "tests.overload.slow", "args": {"seconds": self.seconds}}


@dataclass(frozen=True)
class Shape:
    """`graph` builds it; `credit` is the byte credit of each node; of a `live` one frames are passed over."""

    words: str
    graph: Callable[[Load], Graph]
    credit: Callable[[Load], dict[str, int]]
    live: bool = False
    clip: bool = False

    def prepare(self, folder: Path, load: Load) -> None:
        if self.clip:
            write_clip(folder / "clip.mp4", load.count, load.width, load.height)


SAVER = {"run": "nodes.saver", "pull": "results", "args": {"folder": "saved", "sync": False}}
LATEST = {"frames": {"keep": "latest"}}


def through_a_folder(load: Load) -> Graph:
    splitter = {"source": "clip.mp4", "folder": "spool", "budget": str(BUDGET)}
    return {
        "nodes": {
            "splitter": {"run": "nodes.splitter", "push": "streams", "args": splitter},
            "watcher": {"run": "nodes.watcher", "pull": "streams", "push": "frames", "args": {"folder": "spool"}},
            "slow": {**load.slow, "pull": "frames", "push": "results"},
            "saver": SAVER,
        }
    }


def down_the_wire(load: Load) -> Graph:
    return {
        "nodes": {
            "splitter": {"run": "nodes.splitter", "push": "frames", "args": {"source": "clip.mp4"}},
            "slow": {**load.slow, "pull": "frames", "push": "results"},
            "saver": SAVER,
        }
    }


def behind_a_filter(load: Load) -> Graph:
    small = {"filter": {"resize": "160x90"}}
    return {
        "nodes": {
            "camera": {**load.camera, "push": "frames"},
            "filter": {"run": "nodes.converter", "pull": "frames", "push": "small", "args": small},
            "slow": {**load.slow, "pull": "small", "push": "results"},
            "saver": SAVER,
        }
    }


def live(load: Load) -> Graph:
    camera = {**load.camera, "push": "frames"}
    camera["args"] = {**camera["args"], "rate": RATE}
    return {
        "wires": LATEST,
        "nodes": {"camera": camera, "slow": {**load.slow, "pull": "frames", "push": "results"}, "saver": SAVER},
    }


def live_through_a_folder(load: Load) -> Graph:
    size = f"{load.width}x{load.height}"
    splitter = {"source": "test:forever", "limit": load.count, "size": size, "folder": "spool"}
    graph = through_a_folder(load)
    return {
        "wires": LATEST,
        "nodes": {**graph["nodes"], "splitter": {**graph["nodes"]["splitter"], "args": splitter}},
    }


def beside_a_preview(load: Load) -> Graph:
    """Every frame is saved, and the slow node, which is shown the latest only, has none of them wait."""
    camera = {**load.camera, "push": ["results", "frames"]}
    camera["args"] = {**camera["args"], "rate": RATE}
    return {"wires": LATEST, "nodes": {"camera": camera, "slow": {**load.slow, "pull": "frames"}, "saver": SAVER}}


SHAPES = {
    "folder": Shape(
        "a clip through the folder, keep: all",
        through_a_folder,
        lambda load: {
            "splitter": load.decoder,
            "watcher": 0,  # the messages name files
            "slow": pulling(load.decoded, GROUP),
            "saver": 0,
        },
        clip=True,
    ),
    "wire": Shape(
        "a clip down the wire, keep: all",
        down_the_wire,
        lambda load: {
            "splitter": load.decoder + pushing(load.raw),
            "slow": pulling(load.decoded, GROUP) + pushing(load.raw),
            "saver": pulling(load.decoded, GROUP),
        },
        clip=True,
    ),
    "filter": Shape(
        "raw frames, made small before the slow node, keep: all",
        behind_a_filter,
        lambda load: {
            "camera": pushing(load.raw),
            "filter": pulling(load.decoded, GROUP) + pushing(SMALL),
            "slow": pulling(SMALL, GROUP) + pushing(SMALL),
            "saver": pulling(SMALL, GROUP),
        },
    ),
    "live": Shape(
        "a live source down the wire, keep: latest",
        live,
        lambda load: {
            "camera": pushing(load.raw),
            "slow": LATEST_ONES * load.decoded + pushing(load.raw),
            "saver": pulling(load.decoded, GROUP),
        },
        live=True,
    ),
    "live-folder": Shape(
        "a live source through the folder, keep: latest",
        live_through_a_folder,
        lambda load: {
            "splitter": 3 * load.raw,
            "watcher": 0,
            "slow": LATEST_ONES * load.decoded,
            "saver": 0,
        },
        live=True,
    ),
    "preview": Shape(
        "all frames saved, and a slow preview beside, keep: latest",
        beside_a_preview,
        lambda load: {
            "camera": pushing(load.raw) + LATEST_ONES * load.raw,
            "slow": LATEST_ONES * load.decoded,
            "saver": pulling(load.decoded, GROUP),
        },
        live=True,
    ),
}
