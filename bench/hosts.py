"""The job `hosts`: what the launchers of many hosts take, which tell each other how they are."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.contender import Contender, Figures, Job, Measure
from bench.cpu import below
from bench.flowing import PATIENCE, Flow
from bench.graphs import camera, counter
from bench.network import HUB, Traffic, hosts, missing, traffic
from bench.standing import pss
from bench.workshop import Workshop

OTHERS, QUICK_OTHERS = (1, 9, 30), (1,)
PIPES, QUICK_PIPES = 9, 1  # hosts whose launchers do not talk: what their pipes say
SECONDS, QUICK_SECONDS = 5.0, 1.0
SETTLE = 3.0  # seconds more, until all tell what they have heard
KINDS = {"link": b"host.link", "launcher": b"launcher.py"}
WORDS = (
    "So many hosts, which dial one that listens, all in one network namespace of this machine: each has a launcher, its"
    " link, and a camera that waits; the counter that all push to is on the hub. From the traffic, both ways together,"
    " that of pipes is taken off, as it is where launchers do not talk. CPU and memory (PSS) are those of one process."
)
MEASURES = (
    Measure("traffic", "traffic of the link", "bytes/s a host"),
    Measure("hub", "CPU of the hub's link", "% of a core"),
    Measure("other", "of another host's link", "% of a core"),
    Measure("hub_memory", "memory of the hub's link", "MB"),
    Measure("launcher_memory", "memory of a launcher", "MB"),
)


def many_hosts(workshop: Workshop) -> Job:
    quick, long = (QUICK_OTHERS, QUICK_PIPES, QUICK_SECONDS), (OTHERS, PIPES, SECONDS)
    run = partial(_run, *(quick if workshop.quick else long))
    ours = Contender("ours", "the launchers and their nodes; no page", run, 90, missing())
    return Job("hosts", WORDS, (ours,), MEASURES, 1)


def _run(others: Sequence[int], pipes: int, seconds: float, folder: Path) -> Figures:
    pipe = _measured(pipes, seconds, False, folder / "silent")["traffic"] / pipes
    found: Figures = {}
    for count in others:
        talking = _measured(count, seconds, True, folder / f"{count}")
        found[f"1 + {count}"] = {**talking, "traffic": talking["traffic"] / count - pipe}
    return found


def _measured(count: int, seconds: float, linked: bool, folder: Path) -> dict[str, float]:
    names = [f"robot{number}" for number in range(count)]
    nodes = {f"camera{name}": {**camera("frames", go="go"), "host": name} for name in names}
    with hosts(folder, {**nodes, "counter": {**counter("frames"), "host": HUB}}, names, linked=linked) as flow:
        if linked:
            heard = partial(flow.run.rglob, "hosts/*.json")
            flow.family.until(lambda: len([*heard()]) >= count * (count + 1), PATIENCE, "word of all hosts at each")
        time.sleep(SETTLE)
        processes = _processes(flow)
        before, began = (traffic(flow), _cpu(processes)), time.monotonic()
        time.sleep(seconds)
        after, took = (traffic(flow), _cpu(processes)), time.monotonic() - began
        memory = {name: pss(pid) for name, pid in processes.items()}
    share = {name: 100 * (after[1][name] - before[1][name]) / took for name in processes}
    found = {"traffic": _bytes(before[0], after[0]) / took}
    found["launcher_memory"] = memory[f"launcher {names[0]}"]
    if linked:
        found |= {"hub": share[f"link {HUB}"], "other": sum(share[f"link {name}"] for name in names) / count}
        found["hub_memory"] = memory[f"link {HUB}"]
    return found


def _bytes(before: Traffic, after: Traffic) -> int:
    return after.bytes - before.bytes


def _processes(flow: Flow) -> dict[str, int]:
    """What a host runs besides its nodes, as `link robot0`."""
    found: dict[str, int] = {}
    for pid in sorted(below(flow.family.process.pid)):  # a launcher before what it has just forked
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        hosts_named = [word[len(b"--host=") :].decode() for word in words if word.startswith(b"--host=")]
        for kind, mark in KINDS.items():
            if hosts_named and any(word.endswith(mark) for word in words):
                found.setdefault(f"{kind} {hosts_named[0]}", pid)
    return found


def _cpu(processes: dict[str, int]) -> dict[str, float]:
    return {name: time.clock_gettime(~pid << 3 | 2) for name, pid in processes.items()}
