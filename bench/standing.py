"""The jobs `start`, `idle` and `check`: what a graph costs before and while nothing flows."""

import shutil
import sys
import time
from functools import partial
from pathlib import Path

from bench.contender import Contender, Figures, Job, Measure
from bench.family import ROOT, Family
from bench.graphs import chain, counted, launched
from bench.workshop import Workshop

NODES, QUICK_NODES = 10, 3  # of the graph that waits
SECONDS, QUICK_SECONDS = 5.0, 1.0  # for which it is watched
SETTLE = 1.0  # seconds after its first frame
CHECKED, QUICK_CHECKED = 1000, 50  # nodes of the graph that is checked
PATIENCE = 60.0  # seconds
LIBRARIES = "av, numpy, PIL.Image, pyinotify, zmq"
OURS, IMPORTS = (
    "python launcher.py graph.yaml --page=off",
    "limit: one Python that imports what our nodes import, and ends",
)


def start(workshop: Workshop) -> Job:
    """From the command to the first result."""
    words = "The default graph in an empty folder: from the command until the first frame is converted and in place."
    contenders = (
        Contender("ours", OURS, _start, 3),
        Contender("imports", f"{IMPORTS}: {LIBRARIES}", _imports, 1),
    )
    measures = (Measure("seconds", "time", "s"), Measure("cpu", "CPU", "s"))
    return Job("start", words, contenders, measures, 1 if workshop.quick else 10)


def idle(workshop: Workshop) -> Job:
    """A graph that waits for frames."""
    nodes, seconds = (QUICK_NODES, QUICK_SECONDS) if workshop.quick else (NODES, SECONDS)
    words = f"A chain of {nodes} nodes through which one frame has passed, and no more come; watched for {seconds:g} s."
    ours = Contender("ours", f"{OURS}; memory as PSS", partial(_idle, nodes, seconds), seconds + 4)
    measures = (
        Measure("cpu", "CPU of all", "% of a core"),
        Measure("node", "memory", "MB a node"),
        Measure("others", "memory of the launcher and its helpers", "MB"),
    )
    return Job("idle", words, (ours,), measures, 1 if workshop.quick else 3)


def check(workshop: Workshop) -> Job:
    """Looking for mistakes in a large graph."""
    nodes = QUICK_CHECKED if workshop.quick else CHECKED
    words = f"`python launcher.py graph.yaml check` of a chain of {nodes:,} nodes."
    ours = Contender("ours", "the whole command", partial(_check, nodes), 2)
    measures = (Measure("seconds", "time", "s"), Measure("cpu", "CPU", "s"))
    return Job("check", words, (ours,), measures, 1 if workshop.quick else 10)


def _start(folder: Path) -> Figures:
    shutil.copy(ROOT / "graph.yaml", folder)
    with Family([sys.executable, ROOT / "launcher.py", "graph.yaml", "--page=off"], folder) as family:
        family.until(lambda: any((folder / "converted").glob("*.jpg")), PATIENCE, "the first result")
        return {"": {"seconds": time.monotonic() - family.began, "cpu": family.cpu}}


def _imports(folder: Path) -> Figures:
    with Family([sys.executable, "-W", "ignore", "-c", f"import {LIBRARIES}"], folder) as family:
        family.ends(PATIENCE)
        return {"": {"seconds": time.monotonic() - family.began, "cpu": family.cpu}}


def _idle(nodes: int, seconds: float, folder: Path) -> Figures:
    with Family(launched(chain(nodes - 2, limit=1), folder), folder) as family:
        family.until(lambda: counted(family), PATIENCE, "the first frame")
        time.sleep(SETTLE)
        cpu, began = family.cpu, time.monotonic()
        time.sleep(seconds)
        share = 100 * (family.cpu - cpu) / (time.monotonic() - began)
        memory = {pid: pss(pid) for pid in family.pids}
        ours = {pid: mb for pid, mb in memory.items() if b"--name=" in Path(f"/proc/{pid}/cmdline").read_bytes()}
    others = sum(memory.values()) - sum(ours.values())
    return {"": {"cpu": share, "node": sum(ours.values()) / len(ours), "others": others, "nodes": len(ours)}}


def pss(pid: int) -> float:
    """MB, with its share of what it has in common with others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _check(nodes: int, folder: Path) -> Figures:
    command = launched(chain(nodes - 2), folder)[:3]
    with Family([*command, "check"], folder) as family:
        family.ends(PATIENCE)
        return {"": {"seconds": time.monotonic() - family.began, "cpu": family.cpu}}
