"""A graph whose load rises and falls: a source that is fast and then slow, an elastic filter that sleeps, a tally."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.launch import ROOT, Launch

NODES = {
    "pulses": """
import time

import numpy

from bus import Message, idle, run


def pulses(*, fast=100, slow=20, pause=0.25):
    for number in range(fast + slow):
        if number >= fast:
            until = time.monotonic() + pause
            while (left := until - time.monotonic()) > 0:
                yield None
                time.sleep(min(0.05, left))
        pixels = numpy.full((8, 8, 3), number % 256, dtype="uint8")
        yield Message(pixels, stream="pulses", number=number, name=f"{number:05d}.png")


if __name__ == "__main__":
    run(pulses)
""",
    "naps": """
import time

from bus import run


def naps(frames, *, seconds=0.1):
    for frame in frames:
        time.sleep(seconds)
        yield frame.replace(255 - frame.array)


if __name__ == "__main__":
    run(naps)
""",
    "tally": """
from pathlib import Path

from bus import run


def tally(frames, *, file="tally"):
    with open(file, "a") as sheet:
        for frame in frames:
            print(frame.number, int(frame.array[0, 0, 0]), frame.hops[-1][0], file=sheet, flush=True)


if __name__ == "__main__":
    run(tally)
""",
}
HASTY = (sys.executable, "-m", "tests.hasty")


def write(folder: Path, replicas: object, **pulses: Any) -> None:
    for name, text in NODES.items():
        (folder / f"{name}.py").write_text(text)
    nodes = {
        "pulses": {"run": "pulses", "push": "frames", "args": pulses},
        "naps": {"run": "naps", "pull": "frames", "push": "rested", "replicas": replicas},
        "tally": {"run": "tally", "pull": "rested"},
    }
    (folder / "graph.yaml").write_text(json.dumps({"nodes": nodes}, indent=1))


def launch(folder: Path, *words: str) -> Launch:
    return Launch(folder, *words, under=HASTY, env={"PYTHONPATH": str(ROOT)})


def tallied(folder: Path) -> Counter[int]:
    """How often each number has arrived; what has is right."""
    found = Counter[int]()
    for line in (folder / "tally").read_text().splitlines():
        number, value, _ = line.split()
        assert int(value) == 255 - int(number) % 256, line
        found[int(number)] += 1
    return found


def steps(launch: Launch) -> list[tuple[int, int]]:
    """Each change of the number of replicas, as the log has it."""
    return [(int(one), int(other)) for one, other in re.findall(r"naps: (\d+) -> (\d+) replicas", launch.output)]
