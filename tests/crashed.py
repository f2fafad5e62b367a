"""One graph in which a process, or one of each role, is killed at one point, and what must be so when it has ended."""

import json
import signal
import tempfile
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from bus import Message, encode
from bus.steps import CRASH
from media.saving.atomic import PARTIAL
from tests.launch import Launch, processes_in

FRAMES = 12
SIZE = (32, 16)
REJECTED, FAILING = 7, 5  # the numbers of the frames that the filter refuses, or fails on once
PATIENCE = 60.0  # seconds for one life of the launcher

FILTER = '''\
"""Mirror every frame; one may be refused, one may fail once, and the third may wait until another node has died."""

import time
from pathlib import Path

from bus import run, step


def mirror(frames, *, refuse="", fail="", death=""):
    for count, frame in enumerate(frames, 1):
        while count == 3 and death and not Path(death).exists():
            time.sleep(0.01)
        if count == 3 and death:
            time.sleep(0.2)  # seconds in which a bus that says too much would say it
        if frame.name == refuse:
            frame.reject("not wanted")
            continue
        if frame.name == fail and not Path("failed").exists():
            Path("failed").touch()
            raise RuntimeError("once")
        with step("process"):
            mirrored = frame.replace(frame.array[:, ::-1])
        yield mirrored


if __name__ == "__main__":
    run(mirror)
'''
RACED = '''\
"""The watcher, with a writer that opens the third file again just before it is claimed."""

import os
from contextlib import suppress
from pathlib import Path

from bus import run
from nodes.watcher import watcher

rename, claims = os.rename, []


def raced(file, place, *, src_dir_fd=None, dst_dir_fd=None):
    claims.append(file)
    if len(claims) == 3 and not Path("came").exists():
        Path("came").touch()
        with suppress(BlockingIOError):  # it is told to wait, and the watcher that it does
            os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK, dir_fd=src_dir_fd))
    rename(file, place, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


if __name__ == "__main__":
    os.rename = raced
    run(watcher)
'''


CHAIN = ("splitter", "watcher", "converter", "filter", "saver")


class Crash(NamedTuple):
    """Who dies, where, and in what kind of graph."""

    role: str  # splitter, watcher, converter, filter, saver or launcher
    points: str  # as ZG_CRASH has them, without the fuse: "before claim 3, then after send"
    kind: str = ""  # of graph: keep, rejected, failing, orphaned, raced or broken; nothing: a plain one

    @property
    def fuses(self) -> list[str]:
        """The file that is there when it has died, for each of its lives."""
        return [f"crashed-{self.role}.{number}" for number, _ in enumerate(self.points.split(", "), 1)]

    @property
    def environment(self) -> dict[str, str]:
        return {CRASH: f"{self.points}, fuse crashed-{self.role}"}

    @property
    def keeps(self) -> bool | None:
        """Whether the watcher must keep finished files, or must not; None: it may.

        It must where a splitter dies: a frame that is written twice is kept under two names.
        """
        if self.role == "splitter" or self.kind == "keep":
            return True
        return False if self.kind == "rejected" or "delete" in self.points else None

    @property
    def is_long(self) -> bool:
        """Whether a filter and a saver are needed, beyond the three nodes of the main graph."""
        is_beyond = self.role in ("filter", "saver") or self.kind in ("rejected", "failing")
        return is_beyond or self.points.endswith("send 3")

    @property
    def speaks(self) -> bool:
        """Whether it dies of a step that fails if the node before or behind it is dead."""
        return "send" in self.points or "acknowledge" in self.points

    def fits(self, other: "Crash") -> bool:
        """Whether both can be had in one graph, each for sure."""
        if "launcher" in (self.role, other.role) or {self.keeps, other.keeps} == {True, False}:
            return False
        apart = abs(CHAIN.index(self.role) - CHAIN.index(other.role))
        return apart > 1 or (apart == 1 and not self.speaks and not other.speaks)


def survives(crashes: Sequence[Crash], folder: Path) -> None:
    """Run the graph, in the empty `folder`, to its end; AssertionError if anything is not as it must be."""
    lay_out(crashes, folder)
    lives = [folder / fuse for crash in crashes for fuse in crash.fuses]
    kinds = {crash.kind for crash in crashes}
    with tempfile.TemporaryDirectory(prefix="zg-crash-") as runtime:
        environment = {"XDG_RUNTIME_DIR": runtime, "OPENBLAS_NUM_THREADS": "1"}
        if crashes[0].role == "launcher":
            environment |= crashes[0].environment
            for fuse in lives:
                with Launch(folder, env=environment) as graph:
                    assert graph.ends(PATIENCE) == -signal.SIGKILL, graph.output
                    assert fuse.exists(), graph.output
        with Launch(folder, env=environment) as graph:
            assert graph.ends(PATIENCE) == (1 if "broken" in kinds else 0), graph.output
            running = processes_in(folder)
            assert not running, f"still running: {running}"
            immortal = [fuse.name for fuse in lives if not fuse.exists()]
            assert not immortal, f"nobody died there: {immortal}\n{graph.output}"
            assert "lost 0, waiting 0;" in graph.output, graph.output
        left_over = [path for place in Path(runtime).iterdir() for path in place.iterdir()]
        assert not left_over, f"left over: {left_over}"
    check(crashes, folder)


def lay_out(crashes: Sequence[Crash], folder: Path) -> None:
    """Write the images that are the clip, the nodes, and graph.yaml."""
    kinds = {crash.kind for crash in crashes}
    (folder / "images").mkdir()
    for number in range(FRAMES):
        picture(number).save(folder / f"images/{number}.png")
    if "broken" in kinds:
        (folder / "images/99.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "mirror.py").write_text(FILTER)
    (folder / "raced.py").write_text(RACED)
    nodes = short_graph(crashes)
    if any(crash.is_long for crash in crashes):
        lengthen(nodes, kinds)
    for crash in crashes:
        if crash.role != "launcher":
            nodes[crash.role]["env"] = crash.environment
    (folder / "graph.yaml").write_text(json.dumps({"nodes": nodes}, indent=1))  # JSON is YAML


def short_graph(crashes: Sequence[Crash]) -> dict[str, dict[str, Any]]:
    watcher = "raced" if any(crash.kind == "raced" for crash in crashes) else "nodes.watcher"
    then = "keep" if any(crash.keeps for crash in crashes) else "delete"
    dies = any(crash.role == "converter" for crash in crashes)
    clip = {"source": "images/*.png", "stream": "s", "folder": "spool"}
    return {
        "splitter": {"run": "nodes.splitter", "push": "streams", "args": clip},
        "watcher": {"run": watcher, "pull": "streams", "push": "frames", "args": {"folder": "spool", "then": then}},
        "converter": {
            "run": "nodes.converter", "pull": "frames", "replicas": 2 if dies else 1,
            "args": {"filter": "invert", "folder": "converted", "format": "png", "by": "stream"},
        },
    }  # fmt: skip


def lengthen(nodes: dict[str, dict[str, Any]], kinds: Set[str]) -> None:
    """Add a filter and a saver."""
    refuse = name(REJECTED) if "rejected" in kinds else ""
    fail = name(FAILING) if "failing" in kinds else ""
    death = "saver.1" if "orphaned" in kinds else ""
    nodes["converter"] |= {"push": "converted"}
    nodes["filter"] = {
        "run": "mirror", "pull": "converted", "push": "mirrored",
        "args": {"refuse": refuse, "fail": fail, "death": death},
    }  # fmt: skip
    nodes["saver"] = {"run": "nodes.saver", "pull": "mirrored", "args": {"folder": "saved", "format": "png"}}
    if death:
        nodes["saver"]["env"] = {CRASH: "before hand out, fuse saver"}


def name(number: int) -> str:
    """The name of a frame's file."""
    return f"s-{number:08d}.jpg"


def picture(number: int) -> Image.Image:
    """The image that becomes frame `number`: unlike every other, and unlike its mirror image."""
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[:, : SIZE[0] // 2] = (20 * number, 250 - 20 * number, 40)
    return Image.fromarray(pixels)


def check(crashes: Sequence[Crash], folder: Path) -> None:
    """Every result is there once, each made of its own frame, and nothing else is."""
    rejected = {REJECTED} if any(crash.kind == "rejected" for crash in crashes) else set()
    inverted = {number: 255 - frame(number) for number in range(FRAMES)}
    assert_results(folder / "converted", inverted, below="s/")
    if any(crash.is_long for crash in crashes):
        mirrored = {number: pixels[:, ::-1] for number, pixels in inverted.items() if number not in rejected}
        assert_results(folder / "saved", mirrored)
    kept = {f".done/{name(number)}" for number in range(FRAMES)} if any(crash.keeps for crash in crashes) else set()
    dead = {f"dead-letters/{name(number)}{end}" for number in rejected for end in ("", ".txt")}
    waited = {".waited"} if (folder / "spool/.waited").exists() else set()  # where a watcher found leftovers
    assert_files(folder / "spool", {".s.mark", ".streams"} | kept | dead | waited)
    for number in rejected:
        assert (folder / f"spool/dead-letters/{name(number)}.txt").read_text().endswith("not wanted\n")


def frame(number: int) -> Any:
    """The pixels of frame `number`, as the splitter's file has them."""
    return Message(encode(picture(number), "jpg", 90)).array


def assert_results(folder: Path, expected: dict[int, Any], below: str = "") -> None:
    """What is saved in `folder`, below `below`, is the pixels of these frames, and nothing half-written is left."""
    assert_files(folder, {f"{below}{name(number)}.png" for number in expected})
    assert not (folder / PARTIAL).exists()
    for number, pixels in expected.items():
        with Image.open(folder / f"{below}{name(number)}.png") as image:
            assert np.array_equal(np.asarray(image), pixels), f"{name(number)} in {folder} is not what it must become"


def assert_files(folder: Path, expected: Set[str]) -> None:
    """These are all the files below `folder`, hidden ones included."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    more, less = sorted(found - expected), sorted(expected - found)
    assert not more and not less, f"{folder} has what should not be there: {more}, and lacks {less}"
