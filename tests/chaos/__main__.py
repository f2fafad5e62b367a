"""Run a graph to its end while its processes are killed, stopped and restarted; say whether anything was lost.

The graph: two sources, one that drops files and one that splits a clip; a watcher for each; three converters, a custom
filter, a saver; a preview that only gets the latest. With --hosts 2 the sources and the results are on a robot, all
that computes on a station, the network between them fails too, and hosts reboot. Exit code 1 if any invariant was
broken, 3 if this machine cannot make a network of its own.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.audit import Audit
from tests.chaos.campaign import Campaign
from tests.chaos.network import Network
from tests.chaos.scene import Scene
from tests.network.hosts import Host, hosts

EACH_KILL = 2.5  # seconds in which the graph recovers from a kill, and from its share of the other faults
EACH_OUTAGE = 8.0  # seconds of work between two outages, and in those that let something through
PASSED, BROKEN, UNABLE = 0, 1, 3  # exit codes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1000, help="frames to convert (%(default)s)")
    parser.add_argument("--kills", type=int, default=16, help="kill -9s; stops and restarts come on top (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the random numbers (%(default)s)")
    parser.add_argument("--spare", action="append", default=[], metavar="NAME", help="strike anyone but, e.g. launcher")
    parser.add_argument("--hosts", type=int, choices=(1, 2), default=1, help="2: a robot and a station (%(default)s)")
    parser.add_argument(
        "--outages", type=int, default=22, help="of the network, and reboots, of two hosts (%(default)s)"
    )
    words = "seconds of the longest outage: a cut lasts 1, 30 or 300 s, as far as that allows (%(default)g)"
    parser.add_argument("--longest", type=float, default=30.0, help=words)
    parser.add_argument("--seconds", type=float, help="how long the frames take at least (what the faults need)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all figures there, as JSON")
    options = parser.parse_args()

    try:
        with ExitStack() as stack:
            return campaign(options, stack.enter_context(hosts("robot", "station")) if options.hosts == 2 else ())
    except pytest.skip.Exception as reason:
        print(f"cannot: {reason}")
        return UNABLE


def campaign(options: argparse.Namespace, between: Sequence[Host]) -> int:
    folder, outages = Path(tempfile.mkdtemp(prefix="zg-chaos-")), options.outages if between else 0
    faults = f"{options.kills} kills" + f", {outages} outages" * bool(between)
    print(f"{options.frames} frames, {faults}, seed {options.seed}, in {folder}", flush=True)
    seconds = options.kills * EACH_KILL + outages * EACH_OUTAGE if options.seconds is None else options.seconds
    scene = Scene(folder, options.frames, seconds, between)
    network = Network(scene.sides, outages, options.longest, options.frames, options.seed)
    say = partial(print, flush=True)
    with Audit(scene) as audit:
        running = Campaign(scene, audit, options.kills, options.seed, options.spare, say, network)
        try:
            running.run()
            broken = ""
        except AssertionError as error:
            broken = str(error)
        figures = report.figures(scene, audit, running, broken)
    print(report.verdict(figures))
    if options.report:
        report.write(figures, options.report)
    if figures["passed"]:
        shutil.rmtree(folder)
    else:
        print(f"what it left is in {folder}")
    return PASSED if figures["passed"] else BROKEN


if __name__ == "__main__":
    sys.exit(main())
