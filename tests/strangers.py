"""Who comes to the ports of a wire and has no business there, and a graph that is to keep its pace meanwhile."""

import re
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import zmq

from bus import books
from tests.conftest import until
from tests.launch import EVER, RATE, Launch, open_descriptors
from tests.two_hosts import TwoHosts

GROWTH = 40_000  # KiB that a process may have more than before: frames on the way, and the noise of malloc
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE".ljust(23, b"\0") + bytes(32)  # of ZMTP 3.1, as a client
HOST = "127.0.0.1"


class Paced:
    """A camera on the robot, converters on the station, both running."""

    def __init__(self, two: TwoHosts, runtime: Path, robot: Launch, station: Launch) -> None:
        self.two, self.robot, self.station, self._runtime = two, robot, station, runtime
        self.ports = range(two.port, two.port + 4)  # data and state of each converter
        self._pids = {name: graph.pid(name) for graph, names in self._nodes().items() for name in names}

    def _nodes(self) -> dict[Launch, list[str]]:
        return {self.robot: ["watcher.1"], self.station: ["converter.1", "converter.2"]}

    def count(self, counter: str) -> int:
        """The sum of a counter over the converters' books."""
        return sum(books.read(path)[counter] for path in self._runtime.rglob("converter.*.books"))

    @property
    def done(self) -> int:
        return self.count("received")

    def memory(self) -> dict[str, int]:
        """KiB that are resident, by replica."""
        found = {}
        for name, pid in self._pids.items():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found[name] = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
        return found

    @contextmanager
    def keeps_its_pace(self, refusals: int, seconds: float = 1.0, growth: int = GROWTH) -> Iterator[None]:
        """What is done meanwhile, at least `seconds` long, costs no frame, no memory and few lines, but is counted."""
        began, done, memory, refused = time.monotonic(), self.done, self.memory(), self.count("refused")
        lines = self.lines()
        peak, over = dict(memory), threading.Event()

        def watch() -> None:
            while not over.wait(0.03):
                for name, now in self.memory().items():
                    peak[name] = max(peak[name], now)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
            until(lambda: time.monotonic() - began > seconds, seconds + 1)
        finally:
            over.set()
            watcher.join()
        until(lambda: self.count("refused") - refused >= refusals, 15, f"{refusals} refusals")
        until(lambda: self.done - done > RATE * (time.monotonic() - began) - RATE, 10, "the pace")
        assert {name: grown for name in memory if (grown := peak[name] - memory[name]) > growth} == {}
        assert len(self.lines()) - len(lines) <= 4  # two converters, two kinds

    @contextmanager
    def scarce(self, descriptors: int) -> Iterator[None]:
        """The converters have so many to spare, and no more."""
        before = {}
        for name in self._nodes()[self.station]:
            pid = self._pids[name]
            before[pid] = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_descriptors(pid) + descriptors, before[pid][1]))
        yield
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)

    def rates(self) -> list[float]:
        """Frames a second that the watcher has passed on, every five seconds."""
        return [float(rate) for rate in re.findall(r"watcher (\d+\.\d)/s", self.robot.output)]

    def lines(self) -> list[str]:
        return [line for line in self.station.output.splitlines() if "refuses" in line or "ignores" in line]


@contextmanager
def paced(folder: Path, runtime: Path, port: int) -> Iterator[Paced]:
    two = TwoHosts(folder, port)
    env = {"XDG_RUNTIME_DIR": str(runtime)}
    with Launch(two.station, env=env) as station, Launch(two.robot, *EVER, env=env) as robot:
        until(lambda: len(two.results) > RATE, 60, "the first results")
        yield Paced(two, runtime, robot, station)
        robot.interrupt()
        station.interrupt()
        assert (robot.ends(30), station.ends(30)) == (0, 0), robot.output + station.output


@contextmanager
def raw(port: int, *parts: bytes) -> Iterator[socket.socket]:
    """A connection that has sent `parts`."""
    with socket.create_connection((HOST, port), timeout=5) as made:
        with suppress(ConnectionError):
            for part in parts:
                made.sendall(part)
        yield made


def all_at(ports: range, times: int, *parts: bytes, seconds: float = 0.3) -> None:
    """So many connections to each of the ports, that send `parts`, stay for a moment and go."""
    with ExitStack() as stack:
        for port in ports:
            for _ in range(times):
                stack.enter_context(raw(port, *parts))
        time.sleep(seconds)


def meddle(ports: range, dress: Callable[["zmq.Socket[bytes]"], None], seconds: float = 0.7) -> int:
    """Push to and pull from each of the ports, with sockets made up by `dress`; how often anything went through."""
    context = zmq.Context[zmq.Socket[bytes]]()
    through = 0
    try:
        pullers, pushers = ([context.socket(kind) for _ in ports] for kind in (zmq.PULL, zmq.PUSH))
        for made, port in [*zip(pullers, ports, strict=True), *zip(pushers, ports, strict=True)]:
            made.setsockopt(zmq.IMMEDIATE, 1)
            dress(made)
            made.connect(f"tcp://{HOST}:{port}")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for pusher in pushers:
                with suppress(zmq.Again):
                    pusher.send_multipart([b"{}", b""], zmq.NOBLOCK)
                    through += 1
            through += sum(bool(puller.poll(0)) for puller in pullers)
            time.sleep(0.02)
    finally:
        context.destroy(linger=0)
    return through
