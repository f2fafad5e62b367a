"""How much of a link a wire between two hosts uses: `python -m tests.network.goodput`.

A robot watches a folder full of 720p frames, and a station saves them; between them are 100 Mbit/s and 20 ms of round
trip, and a cut now and then. What counts is the time in which the link is up and frames wait. Then plain ZeroMQ sends
messages of that size over the same link. Exit code 1 if the frames took less than 90 % of the link.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy
import zmq
from PIL import Image

from host import keyring
from tests.launch import Launch, listed
from tests.network.faults import cut, delayed, slow
from tests.network.hosts import DEVICE, Host, hosts

RATE, ROUND_TRIP = 100, 0.02  # Mbit/s, s
ENOUGH = 0.9  # of the link
SIZE = 1280, 720
DIFFERENT = 8  # frames that are made; the others are copies
LOOK = 0.05  # seconds between two looks at the counters
BIT = 8 / 1e6  # megabits of a byte
PORT = 5560


class Look(NamedTuple):
    """What had gone over the link at a time."""

    at: float
    wire: int  # bytes that the robot's device has sent, all headers and repetitions included
    saved: int  # frames
    counts: bool  # the link is up, and frames wait


class Used(NamedTuple):
    """What a time in which the link was up and frames waited comes to."""

    seconds: float
    wire: float  # Mbit/s, all headers and repetitions included
    payload: float  # Mbit/s, of frames that are saved


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.network.goodput", description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=2000, help="of 720p, about 120 kB each (%(default)s)")
    parser.add_argument("--cuts", type=float, nargs="*", default=[1.0], metavar="SECONDS", help="how long (one of 1 s)")
    parser.add_argument("--plain", type=float, default=10.0, metavar="SECONDS", help="of plain ZeroMQ (%(default)g)")
    options = parser.parse_args()
    with ExitStack() as stack:
        robot, station = stack.enter_context(hosts("robot", "station"))
        stack.enter_context(slow(robot, f"{RATE}mbit"))
        stack.enter_context(delayed(robot, ROUND_TRIP / 2))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zg-goodput-")))
        frame = _fill(folder / "robot" / "spool", options.frames)
        used = _use(robot, station, folder, options, frame)
        plain = _pump(robot, station, round(frame), options.plain) * BIT
    cuts = " and ".join(f"{seconds:g}" for seconds in options.cuts) or "0"
    print(
        f"{RATE} Mbit/s, {ROUND_TRIP * 1000:g} ms; {options.frames} frames of {frame / 1000:.0f} kB; cut for {cuts} s"
    )
    print(f"up, with frames waiting: {used.seconds:.1f} s")
    print(f"on the link: {used.wire:.1f} Mbit/s, {used.wire / RATE:.1%} of it, headers and repetitions included")
    print(f"frames: {used.payload:.1f} Mbit/s, {used.payload / RATE:.1%} of it")
    share = used.payload / plain
    print(f"plain ZeroMQ with CURVE: {plain:.1f} Mbit/s, {plain / RATE:.1%} of it; frames are {share:.1%} of that")
    return 0 if used.payload >= ENOUGH * RATE else 1


def _fill(spool: Path, frames: int) -> float:
    """Put that many frames there; how many bytes one has, on average."""
    spool.mkdir(parents=True)
    rng, made = numpy.random.default_rng(7), []
    across = numpy.linspace(0, 200, SIZE[0])[None, :, None]
    for _ in range(DIFFERENT):
        pixels = across + rng.normal(0, 9, (SIZE[1], SIZE[0], 3))  # as noisy as a camera's
        buffer = BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(buffer, "JPEG", quality=75)
        made.append(buffer.getvalue())
    for number in range(frames):
        (spool / f"frame-{number:06d}.jpg").write_bytes(made[number % DIFFERENT])
    return sum(map(len, made)) / DIFFERENT


def _use(robot: Host, station: Host, folder: Path, options: argparse.Namespace, frame: float) -> Used:
    """Let the graph run until no frame waits any more, with the cuts evenly in between."""
    _write(folder, station.address)
    spool, saved = folder / "robot" / "spool", folder / "station" / "saved"
    looks: list[Look] = []

    def look(*, up: bool) -> Look:
        sent, arrived = _sent(robot), len(listed(saved))
        looks.append(Look(time.monotonic(), sent, arrived, up and bool(arrived) and bool(listed(spool))))
        return looks[-1]

    due = [options.frames * (number + 1) // (len(options.cuts) + 1) for number in range(len(options.cuts))]
    with ExitStack() as stack:
        for host in (station, robot):
            env = {"XDG_RUNTIME_DIR": str(folder / f"{host.name}.run")}
            Path(env["XDG_RUNTIME_DIR"]).mkdir(mode=0o700)
            launch = Launch(folder / host.name, f"--host={host.name}", env=env, under=host.command([]))
            stack.enter_context(launch)
        while (now := look(up=True)).counts or not now.saved:
            if due and now.saved >= due[0]:
                due.pop(0)
                with _cut(robot, station, options.cuts[-len(due) - 1]):
                    look(up=False)
            time.sleep(LOOK)
    return _sum(looks, frame)


@contextmanager
def _cut(robot: Host, station: Host, seconds: float) -> Iterator[None]:
    with cut(robot, station):
        yield
        time.sleep(seconds)


def _sum(looks: list[Look], frame: float) -> Used:
    pairs = [(one, other) for one, other in pairwise(looks) if one.counts]
    seconds = sum(other.at - one.at for one, other in pairs)
    wire = sum(other.wire - one.wire for one, other in pairs)
    saved = sum(other.saved - one.saved for one, other in pairs)
    return Used(seconds, wire * BIT / seconds, saved * frame * BIT / seconds)


def _sent(host: Host) -> int:
    """Bytes that its device has sent since it is there, as the kernel counts them."""
    lines = Path(f"/proc/{host.pid}/net/dev").read_text().splitlines()
    [counts] = [line.split(":")[1].split() for line in lines if line.strip().startswith(f"{DEVICE}:")]
    return int(counts[8])


def _write(folder: Path, address: str) -> None:
    keys = {name: keyring.make(folder / name, name) for name in ("robot", "station")}
    watcher = {"run": "nodes.watcher", "host": "robot", "push": "frames", "args": {"folder": "spool"}}
    saver = {"run": "nodes.saver", "host": "station", "pull": "frames", "args": {"folder": "saved"}}
    graph = {
        "hosts": {"robot": {"key": keys["robot"]}, "station": {"key": keys["station"], "address": address}},
        "wires": {"frames": {"address": f"tcp://station:{PORT}"}},
        "nodes": {"watcher": watcher, "saver": saver},
    }
    for name in keys:
        (folder / name / "graph.yaml").write_text(json.dumps(graph))  # JSON is YAML


def _pump(robot: Host, station: Host, size: int, seconds: float) -> float:
    """Bytes a second that plain ZeroMQ gets over the link, in messages of `size` bytes."""
    pairs = [zmq.curve_keypair() for _ in range(2)]
    ends = []
    for (host, kind, amount), pair in zip(((station, "pull", seconds), (robot, "push", size)), pairs, strict=True):
        words = (sys.executable, "-m", "tests.network.pump", kind, f"tcp://{station.address}:{PORT}", str(amount))
        end = subprocess.Popen(host.command(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert end.stdin
        end.stdin.write(" ".join(key.decode() for key in (*pair, pairs[0][0])) + "\n")
        end.stdin.close()
        ends.append(end)
    pull, push = ends
    assert pull.stdout
    with pull, push:
        rate = float(pull.stdout.readline())
        push.kill()
    return rate


if __name__ == "__main__":
    sys.exit(main())
