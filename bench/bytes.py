"""The job `network`: what goes over the network besides the frames."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.contender import Contender, Figures, Job, Measure
from bench.flowing import PATIENCE
from bench.graphs import camera, counter, passer
from bench.network import HUB, MTU, hosts, missing, traffic
from bench.workshop import Workshop

ROBOT = "robot"
SECONDS, QUICK_SECONDS = 5.0, 1.0
SETTLE = 1.5  # seconds until all have connected, and what that takes is not counted
WARM = 20  # frames that are not measured
WORDS = (
    "A camera on one host, so many replicas on another: two launchers in a network namespace of this machine, with"
    f" packets of {MTU} bytes at most, TCP, and keys (CURVE). Counted are the bytes of all packets, both ways together,"
    " with the headers of IP and TCP; Ethernet takes 38 more of each packet. Beyond: what is not the frames' own bytes:"
    " headers, encryption, acknowledgements, and what each pipe says while nothing flows. Pullers: the replicas, which"
    " pass what they get on to a counter of their host."
)
MEASURES = (
    Measure("rate", "throughput", "frames/s"),
    Measure("bytes", "on the network", "bytes/s"),
    Measure("packets", "packets", "1/s"),
    Measure("pipe", "so a pipe that waits", "bytes/s"),
    Measure("beyond", "beyond the payload", "bytes a frame"),
    Measure("share", "that is", "% of the payload"),
    Measure("pusher", "pusher, CPU", "us a frame"),
    Measure("puller", "its pullers, CPU", "us a frame"),
)


class Case(NamedTuple):
    name: str
    replicas: int
    size: int = 0  # bytes of a frame
    rate: float = 0.0  # frames a second; 0: none come
    encrypted: bool = True


CASES = (
    Case("1 pipe, no frames", 1),
    Case("16 pipes, no frames", 16),
    Case("1 pipe, 25 frames/s of 120 KB", 1, 120_000, 25),
    Case("1 pipe, no keys, 25 frames/s of 120 KB", 1, 120_000, 25, encrypted=False),
    Case("16 pipes, 100 frames/s of 120 KB", 16, 120_000, 100),
    Case("1 pipe, 100 frames/s of 1 KB", 1, 1_000, 100),
)


def network(workshop: Workshop) -> Job:
    cases = CASES[3:4] if workshop.quick else CASES
    seconds = QUICK_SECONDS if workshop.quick else SECONDS
    run = partial(_run, cases, seconds)
    ours = Contender("ours", "the launchers and their nodes; no page", run, 70, missing())
    return Job("network", WORDS, (ours,), MEASURES, 1)


def _run(cases: Sequence[Case], seconds: float, folder: Path) -> Figures:
    return {case.name: _measured(case, seconds, folder / str(place)) for place, case in enumerate(cases)}


def _measured(case: Case, seconds: float, folder: Path) -> dict[str, float]:
    nodes = {
        "camera": {**camera("frames", rate=case.rate, size=case.size or 1, go="go"), "host": ROBOT},
        "filter": {**passer("frames", "done", case.replicas), "host": HUB},
        "counter": {**counter("done"), "host": HUB},
    }
    with hosts(folder, nodes, [ROBOT], case.encrypted) as flow:
        if case.rate:
            flow.go()
            flow.until(WARM, PATIENCE)
        time.sleep(SETTLE)
        before, count, began = traffic(flow), flow.counted, time.monotonic()
        spent = flow.spent(flow.pids)
        time.sleep(seconds)
        after, done, took = traffic(flow), flow.counted - count, time.monotonic() - began
        now = flow.spent(flow.pids)
    bytes_, packets = after.bytes - before.bytes, after.packets - before.packets
    found = {"bytes": bytes_ / took, "packets": packets / took}
    if not case.rate:
        return {**found, "pipe": bytes_ / took / case.replicas}
    beyond = bytes_ / done - case.size
    cpu = {node: (now[node].whole - spent[node].whole) * 1e6 / done for node in ("camera", "filter")}
    found |= {"rate": done / took, "beyond": beyond, "share": 100 * beyond / case.size}
    return {**found, "pusher": cpu["camera"], "puller": cpu["filter"]}
