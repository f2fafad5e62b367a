"""Graphs for tests: node programs as real processes, joined by ipc pipes in a run folder, restarted when they die."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bus import books
from bus.link import Pipe
from tests.launch import listed

ROOT = Path(__file__).parent.parent
PATIENCE = 30.0  # seconds for what takes one or two on an idle machine
FINAL = (0, 2, 65)  # exit codes after which a node is not started again; 0 only with its mark

SOURCE = """
from bus import Message, progress

def source(*, count=100, stream="s"):
    for number in range(count):
        yield Message(b"%d" % number, stream=stream, number=number, name=f"{stream}-{number:06d}.bin")
        progress(number + 1, count)
"""

PASS_ON = """
def pass_on(frames):
    for frame in frames:
        yield frame.replace(frame.bytes + b"+")
"""

SINK = """
import os

def sink(frames, *, folder="out"):
    os.makedirs(folder, exist_ok=True)
    for frame in frames:
        with open(f"{folder}/.{os.getpid()}", "wb") as file:
            file.write(frame.bytes)
        os.rename(file.name, f"{folder}/{frame.name}")
"""

Ends = str | Sequence[str] | Mapping[str, str]  # a wire, wires, or parameter (or output name) -> wire


@dataclass
class Spec:
    """A node as `Graph.node` was given it; the ends are (parameter or output name, wire)."""

    arguments: tuple[str, ...]
    pulls: list[tuple[str, str]]
    pushes: list[tuple[str, str]]
    replicas: list[str]


class Graph:
    """Use it in a `with`: whatever still runs at its end is killed, and the run folder goes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.run = Path(tempfile.mkdtemp(prefix="zg-test-"))  # short: ipc paths end at 107 characters
        self.codes: dict[str, list[int]] = defaultdict(list)  # replica -> its exit codes so far
        self.env: dict[str, str] = {}
        self._options: dict[str, str] = {}  # wire -> what its pipes have behind their address
        self._specs: dict[str, Spec] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Graph":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.run)

    def node(self, name: str, code: str, *arguments: str, pull: Ends = "", push: Ends = "", replicas: int = 1) -> None:
        """Add a node whose function is the last that `code` defines."""
        function = f"\n{code}".rpartition("\ndef ")[2].partition("(")[0]
        program = f'{code}\nif __name__ == "__main__":\n    from bus import run\n    run({function})\n'
        (self.folder / f"{name}.py").write_text(program)
        names = [f"{name}.{number}" for number in range(1, replicas + 1)]
        self._specs[name] = Spec(arguments, _ends(pull), _ends(push), names)

    def wire(self, name: str, options: str) -> None:
        """Give the pipes of a wire more options, as `,keep=latest`."""
        self._options[name] = options

    def start(self, *names: str, more: Sequence[str] = ()) -> None:
        """Start all replicas of these nodes, or of all, those added last first."""
        for name in names or reversed(list(self._specs)):
            for replica in self._specs[name].replicas:
                self.start_replica(replica, more)

    def start_replica(self, replica: str, more: Sequence[str] = ()) -> None:
        env = {**os.environ, "ZG_RUN": "test", "PYTHONPATH": f"{self.folder}:{ROOT}", **self.env}
        with open(self.folder / f"{replica}.log", "ab") as log:
            self._processes[replica] = subprocess.Popen(
                self.command(replica, more), cwd=self.folder, env=env, stdout=log, stderr=log
            )

    def command(self, replica: str, more: Sequence[str] = ()) -> list[str]:
        name = replica.partition(".")[0]
        node = self._specs[name]
        pulls = [
            f"--pull={self._pipe(wire, pusher, replica, bind=True, end=end)}"
            for end, wire in node.pulls
            for pusher in self._peers(wire, lambda other: other.pushes)
        ]
        pushes = [
            f"--push={self._pipe(wire, replica, puller, bind=False, end=end)}"
            for end, wire in node.pushes
            for puller in self._peers(wire, lambda other: other.pulls)
        ]
        own = [f"--name={replica}", f"--run={self.run}"]
        return [sys.executable, "-m", name, *own, *pulls, *pushes, *node.arguments, *more]

    def signal(self, replica: str, number: int = signal.SIGKILL) -> None:
        self._processes[replica].send_signal(number)

    def kill_one(self, rng: random.Random, *names: str) -> int:
        """Kill a replica of one of these nodes; how many (0: all have ended)."""
        living = [replica for replica in self._processes if replica.partition(".")[0] in names]
        if living:
            self.signal(rng.choice(living))
        return min(1, len(living))

    def running(self) -> list[str]:
        return list(self._processes)

    def tend(self) -> bool:
        """Start again what died without having ended; whether all are through, for good or bad."""
        for replica, process in list(self._processes.items()):
            code = process.poll()
            if code is None:
                continue
            del self._processes[replica]
            self.codes[replica].append(code)
            if code not in FINAL or (code == 0 and not self.ended(replica)):
                self.start_replica(replica)
        return not self._processes

    def finish(self, meanwhile: Callable[[], object] = lambda: None, seconds: float = PATIENCE) -> None:
        """Tend the graph until all nodes are through; call `meanwhile` again and again."""
        deadline = time.monotonic() + seconds
        while not self.tend():
            meanwhile()
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {replica}\n{self.log(replica)[-900:]}" for replica in self._processes)
                raise AssertionError(f"{list(self._processes)} have not ended within {seconds} s\n{logs}")
            time.sleep(0.002)

    def wait(self, replica: str) -> int:
        """The exit code of what runs now as `replica`, once it has gone; it is not started again."""
        code = self._processes.pop(replica).wait(PATIENCE)
        self.codes[replica].append(code)
        return code

    def log(self, replica: str) -> str:
        return (self.folder / f"{replica}.log").read_text(errors="replace")

    def books(self, replica: str) -> dict[str, int]:
        """The counters of `replica`; they must balance."""
        read = books.read(self.run / f"{replica}.books")
        assert read["taken"] == read["done"] + read["dead"] + read["dropped"] + read["on_the_way"]
        return read

    def counts(self, replica: str, counter: str) -> int:
        """So far; 0 while its books are still to be made."""
        with suppress(FileNotFoundError, ValueError):
            return self.books(replica)[counter]
        return 0

    def ended(self, replica: str) -> bool:
        return (self.run / f"{replica}.done").exists()

    def saved(self) -> dict[str, bytes]:
        """What SINK has written: name -> bytes."""
        return {file.name: file.read_bytes() for file in self.out.iterdir() if not file.name.startswith(".")}

    def count(self) -> int:
        """How many files SINK has written so far."""
        return len(listed(self.out))

    def _peers(self, wire: str, ends: Callable[[Spec], list[tuple[str, str]]]) -> list[str]:
        specs = [spec for spec in self._specs.values() if wire in [name for _, name in ends(spec)]]
        return [replica for spec in specs for replica in spec.replicas]

    def _pipe(self, wire: str, pusher: str, puller: str, *, bind: bool, end: str) -> str:
        address = f"ipc://{self.run}/{wire}-{pusher}-{puller}"
        pipe = Pipe(address, True, wire, pusher, input=end) if bind else Pipe(address, False, wire, puller, output=end)
        return f"{pipe}{self._options.get(wire, '')}"


def _ends(ends: Ends) -> list[tuple[str, str]]:
    if isinstance(ends, Mapping):
        return list(ends.items())
    return [("", wire) for wire in ([ends] if isinstance(ends, str) else ends) if wire]


def expected(count: int, stream: str = "s", marks: str = "+") -> dict[str, bytes]:
    """What SOURCE makes of `count`, each marked by the nodes on the way."""
    return {f"{stream}-{n:06d}.bin": f"{n}{marks}".encode() for n in range(count)}
