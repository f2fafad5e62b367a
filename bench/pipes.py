"""The job `pipes`: what a process pays for each pipe that it has, while frames flow and while none do."""

import time
from functools import partial
from pathlib import Path

from bench.contender import Contender, Figures, Job, Measure
from bench.flowing import PATIENCE, Flow, flowing
from bench.graphs import camera, counter, passer
from bench.standing import pss
from bench.workshop import Workshop

PIPES, QUICK_PIPES = (1, 16, 64, 200), (1, 2)
RATE = 500.0  # frames a second, whatever the number of replicas: each keeps a frame for so much longer
SECONDS, QUICK_SECONDS = 4.0, 0.5
IDLE, QUICK_IDLE = 3.0, 0.5  # seconds for which it is watched without frames
SETTLE = 1.0  # seconds after the last frame
SIZE = 120_000  # bytes of a frame
WORDS = (
    f"A camera, so many replicas, a counter, all on one host; {RATE:g} frames/s of 120 KB in all, and always one more"
    " that waits: a replica keeps each frame for so long that all have work. Pusher: the camera, puller: the counter;"
    " each has one pipe with each replica. A thread does one thing at a time, so its CPU time says how many frames/s it"
    " can do at most. Waiting: then no more frames come."
)
MEASURES = (
    Measure("rate", "throughput", "frames/s"),
    Measure("pusher", "pusher, CPU", "us a frame"),
    Measure("main", "its main thread", "us a frame"),
    Measure("most", "so at most", "frames/s"),
    Measure("puller", "puller, CPU", "us a frame"),
    Measure("puller_main", "its main thread", "us a frame"),
    Measure("memory", "pusher, PSS", "MB"),
    Measure("open", "pusher, descriptors", "open"),
    Measure("idle", "pusher, waiting", "% of a core"),
    Measure("idle_replica", "a replica, waiting", "% of a core"),
)


def pipes(workshop: Workshop) -> Job:
    ours = Contender("ours", "the launcher and its nodes; no page", partial(_run, workshop.quick), 60)
    return Job("pipes", WORDS, (ours,), MEASURES, 1)


def _run(quick: bool, folder: Path) -> Figures:
    return {
        f"{count} pipe{'s' * (count > 1)}": _measured(count, quick, folder / str(count))
        for count in (QUICK_PIPES if quick else PIPES)
    }


def _measured(count: int, quick: bool, folder: Path) -> dict[str, float]:
    seconds = QUICK_SECONDS if quick else SECONDS
    limit = round(RATE * (seconds + 1))
    nodes = {
        "camera": camera("frames", size=SIZE, limit=limit, go="go"),
        "filter": passer("frames", "done", count, nap=count / RATE),
        "counter": counter("done"),
    }
    with flowing(nodes, folder) as flow:
        flow.go()
        flow.until(2 * count, PATIENCE)
        found = flow.measure(seconds)
        flow.until(limit, PATIENCE)
        pusher = flow.pids["camera.1"]
        return {
            "rate": found[""]["rate"],
            "pusher": found["camera"]["cpu"],
            "main": found["camera"]["main"],
            "most": 1e6 / found["camera"]["main"],
            "puller": found["counter"]["cpu"],
            "puller_main": found["counter"]["main"],
            "memory": pss(pusher),
            "open": len([*Path(f"/proc/{pusher}/fd").iterdir()]),
            **_idle(flow, count, QUICK_IDLE if quick else IDLE),
        }


def _idle(flow: Flow, count: int, seconds: float) -> dict[str, float]:
    """Percent of a core while nothing flows."""
    time.sleep(SETTLE)
    pids = flow.pids
    before, began = flow.spent(pids), time.monotonic()
    time.sleep(seconds)
    after, took = flow.spent(pids), time.monotonic() - began
    share = {node: 100 * (spent.whole - before[node].whole) / took for node, spent in after.items()}
    return {"idle": share["camera"], "idle_replica": share["filter"] / count}
