"""A graph whose filter runs on a pool: a source and a saver on a plain host, and between them what Ray places."""

import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from host import keyring
from host.view import overview
from tests.conftest import make_clip, until
from tests.launch import ROOT, Launch, processes_in

HOSTS = ("station", "pool")


class Pooled:
    """Its folder, with keys and a clip, and what runs there."""

    def __init__(self, folder: Path, ray: str, port: int, frames: int = 60) -> None:
        """`ray`: the address of the cluster; `port`: the first of many on this machine."""
        self.folder, self._ray, self._port, self.frames = folder, ray, port, frames
        self.keys = {name: keyring.make(folder, name) for name in HOSTS}
        self.write()

    def write(
        self,
        replicas: int | str = 2,
        resources: Mapping[str, Any] | None = None,
        node: Mapping[str, Any] | None = None,
        source: str = "clip.mp4",
        more: Mapping[str, Any] | None = None,
        **pool: Any,
    ) -> None:
        """The graph; `node`: what else the filter is told; `pool`: likewise its host.

        `more`: nodes on the pool that are given a copy of each frame.
        """
        if source == "clip.mp4" and not (self.folder / source).exists():
            make_clip(self.folder / source, self.frames, "160x120")
        copies = [f"to_{name}" for name in more or {}]
        splitter = {"run": "nodes.splitter", "host": "station", "push": "streams"}
        watcher: dict[str, Any] = {
            "run": "nodes.watcher",
            "host": "station",
            "pull": "streams",
            "push": ["frames", *copies],
        }
        saver = {"run": "nodes.saver", "host": "station", "pull": "small", "args": {"folder": "saved"}}
        converter: dict[str, Any] = {
            "run": "nodes.converter",
            "host": "pool",
            "pull": "frames",
            "push": "small",
            "replicas": replicas,
        }
        converter |= {"resources": {"num_cpus": 0, **(resources or {})}, "args": {"filter": "invert"}, **(node or {})}
        graph = {
            "hosts": {
                "station": {"key": self.keys["station"], "address": "127.0.0.1"},
                "pool": {"key": self.keys["pool"], "ray": self._ray, **pool},
            },
            "wires": {
                "frames": {"address": f"tcp://station:{self._port}"},
                **{one: {"address": f"tcp://station:{self._port + 80 + place}"} for place, one in enumerate(copies)},
                "small": {"address": f"tcp://station:{self._port + 40}", "encode": "raw"},
            },
            "nodes": {
                "splitter": {**splitter, "args": {"source": source, "folder": "spool"}},
                "watcher": {**watcher, "args": {"folder": "spool"}},
                "converter": converter,
                "saver": saver,
                **{name: {"host": "pool", "pull": f"to_{name}", **one} for name, one in (more or {}).items()},
            },
        }
        fresh = self.folder / "graph.yaml.fresh"
        fresh.write_text(json.dumps(graph, indent=1))  # JSON is YAML
        fresh.replace(self.folder / "graph.yaml")

    def turn_to(self, ray: str) -> None:
        """Name another cluster in the graph."""
        self._ray = ray
        self.write()

    def launch(self, *words: str, under: Sequence[str] = ()) -> Launch:
        return Launch(self.folder, "--host=station", *words, under=under)

    @property
    def saved(self) -> list[str]:
        return self.saved_as("jpg")

    def saved_as(self, form: str) -> list[str]:
        return sorted(path.name for path in (self.folder / "saved").glob(f"*.{form}"))

    @property
    def expected(self) -> list[str]:
        return [f"clip-{number:08d}.jpg" for number in range(self.frames)]

    @property
    def run(self) -> Path:
        """The run folder of its launcher."""
        found = until(lambda: overview.running(self.folder / "graph.yaml", "station"), 20, "a launcher")
        assert found
        return found

    def place(self, replica: str) -> dict[str, Any]:
        """Where its stand-in says that a replica is; empty as long as it says nothing."""
        try:
            found = json.loads((self.run / f"{replica}.place").read_text())
        except FileNotFoundError:
            return {}
        assert isinstance(found, dict)
        return found

    def node(self, replica: str, other_than: int = 0) -> int:
        """The pid of the node itself, which must run soon; it is on this machine, too."""

        def found() -> int:
            return next((pid for pid in self.nodes(replica) if pid != other_than), 0)

        return until(found, 40, f"a process of {replica}")

    def nodes(self, replica: str = "") -> list[int]:
        """The pids of all nodes that Ray has placed, or of those of one replica."""
        key = f"--key={keyring.file(self.folder, 'pool')}"
        wanted = {key, *([f"--name={replica}"] if replica else [])}
        return [pid for pid, words in everyone().items() if wanted <= {*words}]

    def stand_in(self, replica: str) -> int:
        """The pid of its stand-in."""

        def found() -> int:
            words = f'"replica": "{replica}"'
            lines = processes_in(self.folder).items()
            return next((pid for pid, line in lines if any(words in one for one in line)), 0)

        return until(found, 20, f"a stand-in of {replica}")

    def placers(self) -> list[int]:
        """The pids of all: one that retires may lead others' lives to their ends beside the one that begins them."""
        lines = processes_in(ROOT).items()
        return [pid for pid, line in lines if {"host.pool", f"--run={self.run}"} <= {*line}]

    def placer(self) -> int:
        return until(self.placers, 20, "a placer")[0]

    def worker(self, replica: str) -> int:
        """The pid of the process of Ray's in which the replica's actor lives: that which has started the node."""
        return int(Path(f"/proc/{self.node(replica)}/stat").read_text().rpartition(")")[2].split()[1])

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


def everyone() -> dict[int, list[str]]:
    """The command lines of all living processes, by pid."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return found
