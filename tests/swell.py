"""A graph whose load a test raises and lowers: a source as fast as it says, an elastic filter that sleeps, a tally."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

from tests.launch import ROOT, Launch

NODES = {
    "pulses": """
import itertools
import time
from pathlib import Path

import numpy

from bus import Message, run


def pulses(*, file="pace"):
    due = time.monotonic()
    for number in itertools.count():
        while (pace := Path(file).read_text()) != "end" and time.monotonic() < due + float(pace):
            time.sleep(0.02)
            yield None
        if pace == "end":
            return
        due = time.monotonic()
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


def pace(folder: Path, said: object) -> None:
    """So many seconds between two messages from now on; `end`: that was all."""
    (folder / "pace.new").write_text(str(said))
    (folder / "pace.new").replace(folder / "pace")


def write(folder: Path, replicas: object) -> None:
    pace(folder, 0)
    for name, text in NODES.items():
        (folder / f"{name}.py").write_text(text)
    nodes = {
        "pulses": {"run": "pulses", "push": "frames"},
        "naps": {"run": "naps", "pull": "frames", "push": "rested", "replicas": replicas},
        "tally": {"run": "tally", "pull": "rested"},
    }
    (folder / "graph.yaml").write_text(json.dumps({"nodes": nodes}, indent=1))


def launch(folder: Path, *words: str) -> Launch:
    return Launch(folder, *words, under=HASTY, env={"PYTHONPATH": str(ROOT)})


def tallied(folder: Path, launch: Launch) -> bool:
    """Whether each number has arrived, once, and right, and so many as the launcher has counted."""
    found = Counter[int]()
    for line in (folder / "tally").read_text().splitlines():
        number, value, _ = line.split()
        assert int(value) == 255 - int(number) % 256, line
        found[int(number)] += 1
    (count,) = re.findall(r"converted (\d+), dead letters 0, dropped 0, lost 0, waiting 0", launch.output)
    return len(found) > 0 and found == dict.fromkeys(range(int(count)), 1)


def steps(launch: Launch) -> list[tuple[int, int]]:
    """Each change of the number of replicas, as the log has it."""
    return [(int(one), int(other)) for one, other in re.findall(r"naps: (\d+) -> (\d+) replicas", launch.output)]
