"""The job `dispatch`: real graphs with many replicas beside a simulation of them, and what that says of more."""

import math
import random
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.calibration import Calibration, calibrate, write
from bench.contender import Contender, Figures, Job, Measure
from bench.family import Broken
from bench.flowing import Flow, ages, flowing, tally
from bench.graphs import camera, counter
from bench.simulation import Plan, simulate
from bench.workshop import Workshop
from bus.link import PREFETCH

CORES = 2  # of this machine, that all processes of a real run share
WARM = 50  # results that are not measured
LATENCY = 0.0002  # seconds, one way, of a network between racks
REPEATED = 3  # runs of a simulation of a few frames
PATIENCE = 120.0
LOOK = 0.005  # seconds between two looks at what is counted

MEASURES = (
    Measure("real", "real", "frames/s"),
    Measure("simulated", "simulated", "frames/s"),
    Measure("ratio", "simulated / real", "1"),
    Measure("real_p50", "age p50, real", "ms"),
    Measure("p50", "simulated", "ms"),
    Measure("real_p99", "age p99, real", "ms"),
    Measure("p99", "simulated", "ms"),
    Measure("busy", "replicas at work, simulated", "%"),
    Measure("deaths", "deaths", "in all"),
    Measure("resets", "links reset", "in all"),
    Measure("real_twice", "results twice, real", "in all"),
    Measure("twice", "simulated", "in all"),
    Measure("cost", "what the simulation knows", "us", table="costs"),
)


class Case(NamedTuple):
    """Some replicas, which keep each frame for `nap` seconds on average."""

    name: str
    replicas: int
    nap: float
    seconds: float
    load: float = 0.0  # the camera's rate, as a part of what the replicas can do; 0: as fast as goes
    killed: float = math.inf  # seconds between two kills of any one of them, on average

    @property
    def rate(self) -> float:
        return self.load * self.replicas / self.nap

    @property
    def frames(self) -> int:
        """Enough for so many seconds, in which all are measured but the first, and the last, which not all work on."""
        return round(self.seconds * self.replicas / self.nap * (self.load or 1)) + WARM + self.last

    @property
    def last(self) -> int:
        return (PREFETCH + 1) * self.replicas


class Far(NamedTuple):
    """A simulation alone: each node has cores of its own."""

    name: str
    replicas: int
    nap: float
    frames: int
    pushers: int = 1  # each with its part of the replicas, of whom one is simulated
    death: float = math.inf  # seconds between two deaths of a replica, on average
    absent: float = 5.0  # seconds that its start takes: a model is loaded
    reset: float = math.inf  # seconds between two resets of a link


CASES = (
    Case("4 replicas, 100 ms", 4, 0.1, 10),
    Case("16 replicas, 100 ms", 16, 0.1, 8),
    Case("64 replicas, 100 ms", 64, 0.1, 6),
    Case("16 replicas, 100 ms, 80 % load", 16, 0.1, 8, load=0.8),
    Case("16 replicas, 100 ms, one killed every 0.25 s", 16, 0.1, 12, killed=0.25),
    Case("64 replicas, 20 ms: two cores are full", 64, 0.02, 3),
)
FARS = (
    Far("256 replicas, 100 ms", 256, 0.1, 40_000),
    Far("256 replicas, 100 ms, deaths and resets", 256, 0.1, 160_000, death=600, reset=600),
    Far("1,000 replicas, 100 ms, 1 pusher", 1000, 0.1, 40_000),
    Far("1,000 replicas, 100 ms, 4 pushers", 1000, 0.1, 100_000, 4),
    Far("1,000 replicas, 100 ms, 4 pushers, deaths and resets", 1000, 0.1, 600_000, 4, death=600, reset=600),
    Far("1,000 replicas, 100 ms, 10 pushers, deaths and resets", 1000, 0.1, 600_000, 10, death=600, reset=600),
)
QUICK = Case("2 replicas, 20 ms", 2, 0.02, 0.5), Far("20 replicas, 100 ms", 20, 0.1, 2_000, death=5, absent=0.5)
WORDS = (
    "A camera, so many replicas that sleep for as long as a real converter once worked on a frame, stretched to the"
    " mean that is given, and a counter; beside each real graph the simulation of it, on two cores that all share. What"
    " a message costs it knows from other, smaller graphs, never from those it is checked against. Frames/s: from the"
    f" {WARM}th result on, until the last begin for which not all replicas are needed. Age: of a frame, from its making"
    " until it is counted. Rows without real figures are simulated alone: each node has cores of its own, links take"
    " 0.2 ms; of several pushers one is simulated, with its part of the replicas. Deaths and resets: each replica dies,"
    " and each link is reset, every 600 s on average, and a start takes 5 s. A node may have 256 replicas: more at one"
    " pusher are there to see what would stop them."
)


def dispatch(workshop: Workshop) -> Job:
    """Real, simulated, and farther than this machine goes."""
    ours = Contender(
        "ours", "the launcher and its nodes; no page", partial(_run, workshop), 5 if workshop.quick else 120
    )
    return Job("dispatch", WORDS, (ours,), MEASURES, 1 if workshop.quick else 2)


def _run(workshop: Workshop, folder: Path) -> Figures:
    known = calibrate(workshop, folder)
    found: Figures = {}
    for case in QUICK[:1] if workshop.quick else CASES:
        real, simulated = _real(case, known, folder / case.name), _simulated(case, known)
        found[case.name] = {**real, **simulated, "ratio": simulated["simulated"] / real["real"]}
    for far in QUICK[1:] if workshop.quick else FARS:
        found[far.name] = _far(far, known)
    return found | known.figures()


# ---- real


def _real(case: Case, known: Calibration, folder: Path) -> dict[str, float]:
    folder.mkdir()
    write([seconds * case.nap for seconds in known.times], folder / "times.json")
    nodes = {
        "camera": camera("frames", rate=case.rate, limit=case.frames, go="go"),
        "filter": {
            "run": "bench.nodes.sleeper",
            "pull": "frames",
            "push": "done",
            "args": {"times": "times.json"},
            "replicas": case.replicas,
        },
        "counter": counter("done"),
    }
    with flowing(nodes, folder) as flow:
        flow.go()
        began, first = flow.until(WARM, PATIENCE, LOOK)
        kills = _kill(flow, case)
        ended, last = flow.until(case.frames - case.last, PATIENCE, LOOK)
        done = partial(tally, flow, "camera.1")
        flow.family.until(lambda: done()["done"] + done()["dead"] == case.frames, PATIENCE, "the end of all frames")
        books, ages_ = done(), ages(flow, "counter.1")
        twice = flow.counted - books["done"]
    if books["taken"] != case.frames or books["dropped"] or books["on_the_way"] or twice < 0:
        raise Broken(f"the books do not balance: {books}")
    found = {"real": (last - first) / (ended - began), "frames": case.frames, "results": books["done"]}
    found |= {"lost": books["dead"], "real_twice": twice, "deaths": kills}
    return found | {f"real_{name}": seconds * 1000 for name, seconds in ages_.items()}


def _kill(flow: Flow, case: Case) -> int:
    """Kill one or another until the last frames are under way; how many were."""
    chance, kills, due = random.Random(7), 0, time.monotonic()
    while case.killed < math.inf and flow.counted < case.frames - case.last:
        due += chance.expovariate(1 / case.killed)
        while time.monotonic() < due and flow.counted < case.frames - case.last:
            time.sleep(LOOK)
        kills += flow.kill(f"filter.{chance.randint(1, case.replicas)}")
    return kills


# ---- simulated


def _simulated(case: Case, known: Calibration) -> dict[str, float]:
    plan = Plan(
        case.replicas, case.frames, [seconds * case.nap for seconds in known.times], known.costs(case.replicas),
        rate=case.rate, cores=CORES, death=case.replicas * case.killed, calm=case.frames - case.last,
    )  # fmt: skip
    runs = [simulate(plan._replace(seed=seed)) for seed in range(REPEATED)]
    rates = [run.rate(WARM, case.frames - case.last) for run in runs]
    return {
        "simulated": sum(rates) / REPEATED,
        "p50": 1000 * sum(run.age(0.5) for run in runs) / REPEATED,
        "p99": 1000 * sum(run.age(0.99) for run in runs) / REPEATED,
        "busy": 100 * sum(run.busy for run in runs) / REPEATED,
        "twice": sum(run.twice for run in runs) / REPEATED,
    }


def _far(far: Far, known: Calibration) -> dict[str, Any]:
    replicas, frames = far.replicas // far.pushers, far.frames // far.pushers
    costs = known.costs(replicas, alone=True)._replace(absent=far.absent)
    times = [seconds * far.nap for seconds in known.times]
    last = (PREFETCH + 1) * replicas
    run = simulate(
        Plan(
            replicas, frames + last, times, costs, latency=LATENCY, death=far.death, reset=far.reset, calm=frames,
        )
    )  # fmt: skip
    found = {
        "simulated": far.pushers * run.rate(last, frames),
        "p50": 1000 * run.age(0.5),
        "p99": 1000 * run.age(0.99),
        "busy": 100 * run.busy,
        "twice": far.pushers * run.twice,
    }
    faulty = {"deaths": far.pushers * run.deaths, "resets": far.pushers * run.resets}
    return found | (faulty if far.death < math.inf else {})
