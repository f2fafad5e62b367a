"""Run a graph to its end while its processes are killed, stopped and restarted; say whether anything was lost.

The graph: two sources, one that drops files and one that splits a clip; a watcher for each; three converters, a custom
filter, a saver; a preview that only gets the latest. Exit code 1 if any invariant was broken.
"""

import argparse
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.chaos import report
from tests.chaos.audit import Audit
from tests.chaos.campaign import Campaign
from tests.chaos.scene import Scene

EACH_KILL = 2.5  # seconds in which the graph recovers from a kill, and from its share of the other faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1000, help="frames to convert (%(default)s)")
    parser.add_argument("--kills", type=int, default=16, help="kill -9s; stops and restarts come on top (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the random numbers (%(default)s)")
    parser.add_argument("--spare", action="append", default=[], metavar="NAME", help="strike anyone but, e.g. launcher")
    parser.add_argument("--seconds", type=float, help="how long the frames take at least (what the faults need)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all figures there, as JSON")
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="zg-chaos-"))
    print(f"{options.frames} frames, {options.kills} kills, seed {options.seed}, in {folder}", flush=True)
    seconds = options.kills * EACH_KILL if options.seconds is None else options.seconds
    scene = Scene(folder, options.frames, seconds)
    with Audit(scene) as audit:
        campaign = Campaign(scene, audit, options.kills, options.seed, options.spare, partial(print, flush=True))
        try:
            campaign.run()
            broken = ""
        except AssertionError as error:
            broken = str(error)
        figures = report.figures(scene, audit, campaign, broken)
    print(report.verdict(figures))
    if options.report:
        report.write(figures, options.report)
    if figures["passed"]:
        shutil.rmtree(folder)
    else:
        print(f"what it left is in {folder}")
    return 0 if figures["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
