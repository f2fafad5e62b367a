"""The graph that a campaign is run on, in a folder of its own, and the frames that go into it."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy

from host import keyring
from tests.chaos import pictures
from tests.chaos.sides import Side
from tests.network.hosts import Host

NODES = Path(__file__).parent / "nodes"
CLIP = 2  # the stream of the clip, in the pictures; the dropper's is 1
DROPPER = 1
WAITING = 40  # frames of each source that may wait, so that both are at work for as long as the graph is
STAMPS = 2  # replicas of the custom filter
GRAPH = """\
# Two sources, one dropping files and one a clip, are merged; the clip's frames go to a preview as well.
# On two hosts the robot has the sources and the results, the station all that computes, and the preview.
nodes:
  dropper:
    run: dropper{robot}
    push: drops
    args: {{folder: dropped, frames: {dropped}, most: {waiting}}}
  splitter:
    run: nodes.splitter{robot}
    push: streams
    args: {{source: clip.mkv, folder: split, budget: {waiting}}}
  upload:
    run: nodes.watcher{robot}
    pull: drops
    push: frames
    args: {{folder: dropped}}
  camera:
    run: nodes.watcher{robot}
    pull: streams
    push: [frames, preview]
    args: {{folder: split}}
  converter:
    run: nodes.converter{station}
    pull: frames
    push: converted
    args: {{filter: invert}}
    replicas: 3
  stamp:
    run: stamp{station}
    pull: converted
    push: stamped
    args: {{seconds: {seconds}}}
    replicas: {stamps}
  saver:
    run: nodes.saver{robot}
    pull: stamped
    args: {{folder: results, format: png}}
  previews:
    run: nodes.saver{station}
    pull: preview
    args: {{folder: previews}}
wires:
  preview: {{keep: latest{preview}}}
"""
FAR = """\
  frames: {{address: "tcp://station:5560"}}
  stamped: {{address: "tcp://station:5590"}}
hosts:
  robot: {{key: "{robot}"}}
  station: {{key: "{station}", address: {address}, port: 5550}}
"""
PREVIEW = ', address: "tcp://station:5580"'


class Scene:
    """What has to come out, and where; `expected`: name of a result -> the stream and the number that it shows."""

    def __init__(self, folder: Path, frames: int, seconds: float, hosts: Sequence[Host] = ()) -> None:
        """Half of `frames` are dropped, half are in a clip; the custom filter takes `seconds` for all of them.

        `hosts`: a robot and a station that share the graph; none for all of it on this machine.
        """
        self.sides = [Side(folder / host.name, host) for host in hosts] or [Side(folder)]
        self._robot, station = self.sides[0].folder, self.sides[-1].folder
        self.results, self.previews = self._robot / "results", station / "previews"
        self.spools = self._robot / "dropped", self._robot / "split"
        dropped, self.in_clip = frames - frames // 2, frames // 2
        self.expected = {f"drop-{n:08d}.jpg.png": (DROPPER, n) for n in range(dropped)}
        self.expected |= {f"clip-{n:08d}.jpg.png": (CLIP, n) for n in range(self.in_clip)}
        for made in (self.results, self.previews):
            made.mkdir(parents=True)
        facts: dict[str, object] = {
            "dropped": dropped,
            "waiting": WAITING,
            "seconds": seconds * STAMPS / frames,
            "stamps": STAMPS,
        }
        graph = _graph(hosts, {host.name: keyring.make(folder / host.name, host.name) for host in hosts}, facts)
        for side in self.sides:
            for node in NODES.glob("*.py"):
                shutil.copy(node, side.folder)
            (side.folder / "graph.yaml").write_text(graph)
        make_clip(self._robot / "clip.mkv", self.in_clip)

    def is_over(self) -> bool:
        """Whether no frame is to be made any more, or waits."""
        return not self.waits() and not self.unmade()

    def waits(self) -> bool:
        """Whether the source of any frame is still there."""
        return any(any(spool.glob(f"{place}*.jpg")) for spool in self.spools for place in ("", ".taken/"))

    def unmade(self) -> set[str]:
        """The results whose frames their sources have not come to; one at the border may be made already."""
        dropped, split = 0, 0
        with suppress(FileNotFoundError):
            dropped = int((self._robot / "dropped.dropped").read_text())
        with suppress(FileNotFoundError):
            split = json.loads((self._robot / "split" / ".clip.mark").read_text())["next"]
        made = {DROPPER: dropped, CLIP: split}
        return {name for name, (stream, number) in self.expected.items() if number >= made[stream]}


def _graph(hosts: Sequence[Host], keys: dict[str, str], facts: dict[str, object]) -> str:
    if not hosts:
        return GRAPH.format(robot="", station="", preview="", **facts)
    places = {host.name: f"\n    host: {host.name}" for host in hosts}
    return GRAPH.format(**places, preview=PREVIEW, **facts) + FAR.format(**keys, address=hosts[-1].address)


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
