"""A graph over two hosts: a robot that splits and watches, and a station that converts, each in a folder of its own."""

import json
from pathlib import Path
from typing import Any

from host import keyring
from tests.conftest import make_clip

FRAMES = 40
HOSTS = "robot", "station"


class TwoHosts:
    """The folders of both, each with its private key and a copy of the graph, and the robot's with a clip."""

    def __init__(
        self, folder: Path, port: int, address: str = "127.0.0.1", frames: int = FRAMES, linked: bool = False
    ) -> None:
        """`port`: the first of nine on the station, whose address is `address`; `linked`: its launcher has the last."""
        self.robot, self.station = (folder / name for name in HOSTS)
        self.frames, self.address, self.port = frames, address, port
        self.link = {"port": port + 8} if linked else {}
        for place in (self.robot, self.station):
            place.mkdir(parents=True)
        self.keys = {name: keyring.make(folder / name, name) for name in HOSTS}
        make_clip(self.robot / "clip.mp4", frames, "160x120")
        for name in HOSTS:
            self.write(name)

    @property
    def results(self) -> list[str]:
        """The names of what is converted on the station."""
        return sorted(path.name for path in (self.station / "converted").glob("*.jpg"))

    @property
    def expected(self) -> list[str]:
        return [f"clip-{number:08d}.jpg" for number in range(self.frames)]

    @property
    def left(self) -> list[Path]:
        """The frames that are still on the robot."""
        return [*(self.robot / "spool").rglob("*.jpg")]

    def write(self, name: str, **changes: Any) -> None:
        """Write the copy of the host `name`; `changes` are what this one says of the wire, and `replicas`."""
        replicas = changes.pop("replicas", 2)
        wire = {"address": f"tcp://station:{self.port}", **changes}
        hosts = {
            "robot": {"key": self.keys["robot"]},
            "station": {"key": self.keys["station"], "address": self.address, **self.link},
        }
        if wire.get("insecure"):
            hosts = {"robot": {}, "station": {"address": self.address}}
        splitter = {"run": "nodes.splitter", "host": "robot", "push": "streams"}
        watcher = {"run": "nodes.watcher", "host": "robot", "pull": "streams", "push": "frames"}
        converter = {"run": "nodes.converter", "host": "station", "pull": "frames", "replicas": replicas}
        nodes = {
            "splitter": {**splitter, "args": {"source": "clip.mp4", "folder": "spool"}},
            "watcher": {**watcher, "args": {"folder": "spool"}},
            "converter": {**converter, "args": {"filter": "invert", "folder": "converted"}},
        }
        graph = {"hosts": hosts, "wires": {"frames": wire}, "nodes": nodes}
        place = {"robot": self.robot, "station": self.station}[name]
        (place / "graph.yaml").write_text(json.dumps(graph, indent=1))  # JSON is YAML
