"""The graph that a campaign is run on, in a folder of its own, and the frames that go into it."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

import av
import numpy

from tests.chaos import pictures

NODES = Path(__file__).parent / "nodes"
CLIP = 2  # the stream of the clip, in the pictures; the dropper's is 1
DROPPER = 1
WAITING = 40  # frames of each source that may wait, so that both are at work for as long as the graph is
STAMPS = 2  # replicas of the custom filter
GRAPH = """\
# Two sources, one dropping files and one a clip, are merged; the clip's frames go to a preview as well.
nodes:
  dropper:
    run: dropper
    push: drops
    args: {{folder: dropped, frames: {dropped}, most: {waiting}}}
  splitter:
    run: nodes.splitter
    push: streams
    args: {{source: clip.mkv, folder: split, budget: {waiting}}}
  upload:
    run: nodes.watcher
    pull: drops
    push: frames
    args: {{folder: dropped}}
  camera:
    run: nodes.watcher
    pull: streams
    push: [frames, preview]
    args: {{folder: split}}
  converter:
    run: nodes.converter
    pull: frames
    push: converted
    args: {{filter: invert}}
    replicas: 3
  stamp:
    run: stamp
    pull: converted
    push: stamped
    args: {{seconds: {seconds}}}
    replicas: {stamps}
  saver:
    run: nodes.saver
    pull: stamped
    args: {{folder: results, format: png}}
  previews:
    run: nodes.saver
    pull: preview
    args: {{folder: previews}}
wires:
  preview: {{keep: latest}}
"""


class Scene:
    """What has to come out, and where; `expected`: name of a result -> the stream and the number that it shows."""

    def __init__(self, folder: Path, frames: int, seconds: float) -> None:
        """Half of `frames` are dropped, half are in a clip; the custom filter takes `seconds` for all of them."""
        self.folder = folder
        self.results, self.previews = folder / "results", folder / "previews"
        self.spools = folder / "dropped", folder / "split"
        dropped, self.in_clip = frames - frames // 2, frames // 2
        self.expected = {f"drop-{n:08d}.jpg.png": (DROPPER, n) for n in range(dropped)}
        self.expected |= {f"clip-{n:08d}.jpg.png": (CLIP, n) for n in range(self.in_clip)}
        for made in (self.results, self.previews):
            made.mkdir()
        for node in NODES.glob("*.py"):
            shutil.copy(node, folder)
        each = seconds * STAMPS / frames
        graph = GRAPH.format(dropped=dropped, waiting=WAITING, seconds=each, stamps=STAMPS)
        (folder / "graph.yaml").write_text(graph)
        make_clip(folder / "clip.mkv", self.in_clip)

    def waits(self) -> bool:
        """Whether the source of any frame is still there."""
        return any(any(spool.glob(f"{place}*.jpg")) for spool in self.spools for place in ("", ".taken/"))

    def unmade(self) -> set[str]:
        """The results whose frames their sources have not come to; one at the border may be made already."""
        dropped, split = 0, 0
        with suppress(FileNotFoundError):
            dropped = int((self.folder / "dropped.dropped").read_text())
        with suppress(FileNotFoundError):
            split = json.loads((self.folder / "split" / ".clip.mark").read_text())["next"]
        made = {DROPPER: dropped, CLIP: split}
        return {name for name, (stream, number) in self.expected.items() if number >= made[stream]}


def make_clip(path: Path, frames: int) -> None:
    """A clip of the pictures of the stream CLIP."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height = pictures.SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            picture = numpy.asarray(pictures.draw(CLIP, number))
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
