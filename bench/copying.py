"""The limit of every hop: the bytes are copied once, within one process."""

import time
from functools import partial
from pathlib import Path

import numpy

from bench.contender import Contender, Figures
from bench.peers.plan import Plan

WORDS = "limit: the payload is copied once with numpy, within one process; no hop"
SECONDS = 0.05  # for each size


def copying(plan: Plan) -> Contender:
    return Contender("memcpy", WORDS, partial(_run, plan), SECONDS * len(plan.cases), every=2, beside="")


def _run(plan: Plan, folder: Path) -> Figures:
    """Into four places by turns, so that the large ones come from memory and not from a cache."""
    found: Figures = {}
    for case in plan.cases:
        source, targets = numpy.ones(case.size, numpy.uint8), [numpy.empty(case.size, numpy.uint8) for _ in range(4)]
        for target in targets:
            target[:] = source
        took, count, until = [], 0, time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            targets[count % len(targets)][:] = source
            took.append(time.perf_counter() - began)
            count += 1
        middle = sorted(took)[len(took) // 2]
        found[case.name] = {"p50": middle * 1e6, "rate": 1 / middle, "cpu": middle * 1e6}
    return found
