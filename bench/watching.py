"""The job `watching`: how many frames a second one watcher can hand out, to how many replicas."""

import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.contender import Contender, Figures, Job, Measure
from bench.family import Broken
from bench.flowing import PATIENCE, flowing, tally
from bench.workshop import Workshop

FILE = b"\xff\xd8\xff" + bytes(500)  # nobody decodes it
WARM = 200  # files that are not measured
LOOK = 0.02  # seconds between two looks
WORDS = (
    "A watcher whose folder gets thousands of small files at once, by a rename of their folder, and so many replicas"
    " that open each, and do nothing with it, or sleep; then it is deleted. All are on one host, and in most rows its"
    " two cores are the limit: the main thread's CPU time says how many frames/s a watcher can hand out at most, if all"
    " others have cores enough."
)
MEASURES = (
    Measure("rate", "throughput", "frames/s"),
    Measure("cpu", "watcher, CPU", "us a frame"),
    Measure("main", "its main thread", "us a frame"),
    Measure("most", "so at most", "frames/s"),
    Measure("replica", "replica, CPU", "us a frame"),
)


class Case(NamedTuple):
    name: str
    replicas: int
    nap: float  # seconds
    files: int


CASES = (
    Case("1 replica", 1, 0, 12_000),
    Case("32 replicas", 32, 0, 12_000),
    Case("32 replicas that sleep 20 ms", 32, 0.02, 6_000),
    Case("100 replicas that sleep 100 ms", 100, 0.1, 4_000),
)
QUICK = (Case("2 replicas", 2, 0, 1_000),)


def watching(workshop: Workshop) -> Job:
    cases = QUICK if workshop.quick else CASES
    ours = Contender("ours", "the launcher and its nodes; no page", partial(_run, cases), 60)
    return Job("watching", WORDS, (ours,), MEASURES, 1)


def _run(cases: Sequence[Case], folder: Path) -> Figures:
    return {case.name: _measured(case, folder / str(place)) for place, case in enumerate(cases)}


def _measured(case: Case, folder: Path) -> dict[str, float]:
    (folder / "spool").mkdir(parents=True)
    prepared = folder / "prepared"
    prepared.mkdir()
    for number in range(case.files):
        (prepared / f"{number:06d}.jpg").write_bytes(FILE)
    nodes = {
        "watcher": {"run": "nodes.watcher", "push": "frames", "args": {"folder": "spool"}},
        "sink": {
            "run": "bench.nodes.passer", "pull": "frames", "args": {"nap": case.nap}, "replicas": case.replicas,
        },
    }  # fmt: skip
    with flowing(nodes, folder) as flow:
        done = partial(tally, flow, "watcher.1")
        prepared.rename(folder / "spool" / "all")
        flow.family.until(lambda: done()["done"] >= WARM, PATIENCE, f"{WARM} files")
        pids, last = flow.pids, case.files - 2 * WARM - 8 * case.replicas
        before, first, began = flow.spent(pids), done()["done"], time.monotonic()
        flow.family.until(lambda: done()["done"] >= last, PATIENCE, f"{last} files", LOOK)
        after, count, took = flow.spent(pids), done()["done"] - first, time.monotonic() - began
        flow.family.until(lambda: done()["done"] >= case.files, PATIENCE, "the end of all files")
        books = done()
    shutil.rmtree(folder)
    if books["taken"] != books["done"] or books["done"] != case.files:
        raise Broken(f"the books do not balance: {books}")
    main, cpu = ((getattr(after["watcher"], what) - getattr(before["watcher"], what)) for what in ("main", "whole"))
    replica = after["sink"].whole - before["sink"].whole
    found = {"cpu": cpu, "main": main, "replica": replica}
    return {
        "rate": count / took, "most": count / main, "results": books["done"], "frames": case.files, "lost": 0.0,
        **{name: value * 1e6 / count for name, value in found.items()},
    }  # fmt: skip
