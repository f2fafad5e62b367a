"""What a message costs: measured in small graphs, none of which a simulation is checked against."""

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import pstdev
from typing import NamedTuple

from bench.clip import clip
from bench.contender import Figures
from bench.flowing import Flow, flowing
from bench.graphs import camera, counter, passer
from bench.quantiles import median
from bench.recipe import through_files
from bench.simulation import Costs
from bench.workshop import Workshop
from bus import books
from bus.books import PER_OCTAVE, SHORTEST

FEW, MORE = 8, 40  # replicas
COLD, SATURATED = 160.0, 500.0  # frames a second: each finds everybody asleep; the pusher always has one that waits
ASLEEP = 1.0  # seconds for which a frame is kept where only that is to be seen which sleeping costs
KILLS, KILLED_RATE = 5, 100.0
DEALS = 3  # things that a pusher hears or says of a message: sent, released, done
WARM = 30  # frames that are not measured
SAMPLES = 200  # of service times
FRAMES, QUICK_FRAMES = 264, 24  # of the clip that is converted
SECONDS, QUICK_SECONDS = 4.0, 0.6
GLANCE = 0.002  # seconds between two looks at whether a killed replica is back
PATIENCE = 60.0


class Cost(NamedTuple):
    """Seconds of CPU of a message, at one node."""

    cold: float  # when it sleeps before each
    full: float  # when the next one is always there
    each: float  # with each pipe that the node has beyond FEW
    main: float  # the part of it that its main thread spends: libzmq's threads run beside that


class Calibration(NamedTuple):
    pusher: Cost
    counter: Cost
    replica: float
    standing: float  # cores of a replica that sleeps
    birth: float  # seconds of CPU from its start until it is ready
    absent: float  # seconds from its death until its next life has done something
    times: Sequence[float]  # of a real converter with a frame; their mean is 1

    def costs(self, replicas: int, alone: bool = False) -> Costs:
        """`alone`: each node has cores enough, so that its main thread is what others wait for."""
        pusher, counted = (
            _of(cost, things, max(0, replicas - FEW), alone)
            for cost, things in ((self.pusher, DEALS), (self.counter, 1))
        )
        return Costs(pusher, self.replica, counted, self.standing, self.birth, self.absent)

    def figures(self) -> Figures:
        """In microseconds of CPU, but for what is said to take time."""
        found = {"a replica, a message, asleep before each": self.replica}
        for node, cost in (("pusher", self.pusher), ("counter", self.counter)):
            found[f"the {node}, a message, asleep before each"] = cost.cold
            found[f"the {node}, a message, never asleep"] = cost.full
            found[f"the {node}, a message, more with each further pipe"] = cost.each
        found["a replica with a message, a second"] = self.standing
        found["a replica, until it is ready"] = self.birth
        found["time from a replica's death until its next life has done something"] = self.absent
        found["spread of service times, one standard deviation, if the mean is a second"] = pstdev(self.times)
        return {name: {"cost": seconds * 1e6} for name, seconds in found.items()}


def _of(cost: Cost, things: int, pipes: int, alone: bool) -> tuple[float, float]:
    """What waking up costs, and each thing."""
    part = cost.main if alone else 1.0
    wake = max(0.0, cost.cold - cost.full)
    return part * wake / things, part * (cost.full + cost.each * pipes) / things


def calibrate(workshop: Workshop, folder: Path) -> Calibration:
    seconds = QUICK_SECONDS if workshop.quick else SECONDS
    few, more = (2, 4) if workshop.quick else (FEW, MORE)
    cold = _measured(folder / "cold", few, COLD, 0.0, seconds)
    full = _measured(folder / "full", few, 0.0, 0.0, seconds)
    asleep = _measured(folder / "asleep", few, 0.0, ASLEEP / 4 if workshop.quick else ASLEEP, seconds)
    small, large = (
        _measured(folder / f"{count} pipes", count, 0.0, count / SATURATED, seconds) for count in (few, more)
    )

    def cost(node: str) -> Cost:
        each = max(0.0, large[node]["cpu"] - small[node]["cpu"]) / (more - few)
        whole = full[node]["cpu"]
        return Cost(cold[node]["cpu"] / 1e6, whole / 1e6, each / 1e6, full[node]["main"] / whole)

    replica = cold["filter"]["cpu"] / 1e6
    per_replica = asleep[""]["rate"] / few  # frames a second
    standing = max(0.0, asleep["filter"]["cpu"] / 1e6 - replica) * per_replica
    absent = _absent(folder / "killed", 1 if workshop.quick else KILLS)
    times = _times(workshop, folder / "times")
    return Calibration(cost("camera"), cost("counter"), replica, standing, cold["filter"]["birth"], absent, times)


def _measured(folder: Path, replicas: int, rate: float, nap: float, seconds: float) -> dict[str, dict[str, float]]:
    nodes = {
        "camera": camera("frames", rate=rate, go="go"),
        "filter": passer("frames", "done", replicas, nap=nap),
        "counter": counter("done"),
    }
    with flowing(nodes, folder) as flow:
        birth = flow.spent(flow.pids)["filter"].whole / replicas
        flow.go()
        flow.until(min(WARM, 2 * replicas), PATIENCE)
        found = flow.measure(seconds)
    found["filter"]["birth"] = birth
    return found


def _absent(folder: Path, kills: int) -> float:
    """Seconds from the death of the only replica until its next life has done something: the median of some."""
    nodes = {
        "camera": camera("frames", rate=KILLED_RATE, go="go"),
        "filter": passer("frames", "done"),
        "counter": counter("done"),
    }
    with flowing(nodes, folder) as flow:
        flow.go()
        return median([_gap(flow) for _ in range(kills)]).value


def _gap(flow: Flow) -> float:
    flow.until(flow.counted + WARM, PATIENCE)
    killed = time.monotonic()
    flow.kill("filter.1")
    _, before = flow.until(flow.counted + 1, PATIENCE, GLANCE)  # one may have been on its way to the counter
    until, _ = flow.until(before + 1, PATIENCE, GLANCE)
    return until - killed


def _times(workshop: Workshop, folder: Path) -> list[float]:
    """How long two real converters, sharing the cores with others, had each frame in hand; divided by their mean."""
    frames = QUICK_FRAMES if workshop.quick else FRAMES
    nodes = through_files({"engine": "pillow"}, clip(workshop.cache, frames))
    with flowing(nodes, folder) as flow:
        paths = [flow.books(f"converter.{number}") for number in (1, 2)]
        reading = partial(map, books.read_whole, paths)
        flow.family.until(lambda: sum(one.counters["received"] for one in reading()) >= frames - 1, PATIENCE, "frames")
        counts = [sum(pair) for pair in zip(*(one.histograms["work"] for one in reading()), strict=True)]
    seconds = [SHORTEST * 2 ** ((place + 0.5) / PER_OCTAVE) for place, count in enumerate(counts) for _ in range(count)]
    mean = sum(seconds) / len(seconds)
    return [seconds[int((place + 0.5) * len(seconds) / SAMPLES)] / mean for place in range(SAMPLES)]


def write(times: Sequence[float], file: Path) -> None:
    file.write_text(json.dumps([round(seconds, 6) for seconds in times]))
