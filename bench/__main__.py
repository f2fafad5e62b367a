"""Measure this project beside others, by turns, on this machine.

    python -m bench                                  # the jobs of docs/performance.md
    python -m bench hop recipe --json=figures.json   # some of them; other jobs in the file keep their figures
    python -m bench scale --simulate --json=FILE     # the jobs of docs/scale.md: how far it goes
    python -m bench --list                           # what there is, who takes part, how long it takes
    python -m bench report figures.json              # the tables of an earlier run
    python -m bench report figures.json --into=docs/performance.md --plots=docs/images   # in a page, and as pictures

Nothing else should run on the machine meanwhile.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from bench import machine, report
from bench.contender import Job
from bench.contest import contest
from bench.headlines import lines
from bench.jobs import BESIDE, FAR, JOBS
from bench.plots import plots
from bench.tables import tables
from bench.workshop import Workshop

CACHE = Path.home() / ".cache" / "frames-bench"
OK, FAILED = 0, 1  # exit codes; FAILED: something that takes part failed


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))  # so that who runs meanwhile is ended, too
    options = _options()
    if options.jobs[:1] == ["report"]:
        return _report(options)
    workshop = Workshop(options.cache.absolute(), options.quick, options.peers)
    jobs = [JOBS[name](workshop) for name in options.jobs]
    pairs = {job.name: options.pairs or job.pairs for job in jobs}
    for job in jobs:
        _announce(job, pairs[job.name])
    if options.list:
        return OK
    found = json.loads(options.json.read_text()) if options.json and options.json.exists() else {"jobs": {}}
    for job in jobs:
        where = machine.facts(workshop.cache)  # before: how busy others keep it, and not we
        figures = contest(job, pairs[job.name], workshop.cache)
        found["jobs"][job.name] = {"machine": where, "peers": workshop.versions, **figures}
        print("\n" + "\n".join(tables(job.name, found["jobs"][job.name])), flush=True)
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    print("\n".join(lines(found["jobs"])))
    runs = [run for job in jobs for run in found["jobs"][job.name]["runs"]]
    return FAILED if any("failed" in run for run in runs) else OK


def _report(options: Any) -> int:
    """Tables, plots, and both in a page."""
    try:
        jobs = report.load(Path(options.jobs[1]))["jobs"]
        images = plots(jobs, options.plots) if options.plots else []
        beside = [os.path.relpath(image, options.into.parent) for image in images] if options.into else []
        text = report.page(jobs, beside)
        if options.into:
            report.into(options.into, text)
        else:
            print(text)
    except ImportError:
        print("plots need matplotlib: pip install -r bench/requirements.txt, or leave --plots out", file=sys.stderr)
        return FAILED
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return FAILED
    return OK


def _announce(job: Job, pairs: int) -> None:
    seconds = job.seconds * pairs / job.pairs
    here = ", ".join(one.name for one in job.contenders if not one.missing)
    print(f"{job.name}: about {seconds / 60:.1f} minutes, {pairs} x {here}", flush=True)
    for one in job.contenders:
        if one.missing:
            print(f"  without {one.name}: {one.missing}", flush=True)


def _options() -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", help=f"{', '.join(JOBS)}; by default all but the last {len(FAR)}"
    )
    words = f"with scale: how far it goes, measured and simulated, in its place: {', '.join(FAR)}"
    parser.add_argument("--simulate", action="store_true", help=words)
    parser.add_argument("--list", action="store_true", help="say what would be done, and how long it takes")
    parser.add_argument("--quick", action="store_true", help="a few frames and messages, one pair: does it run at all?")
    parser.add_argument("--pairs", type=int, metavar="N", help="rounds; by default 3 to 20, as the job needs")
    parser.add_argument("--peers", type=_names, metavar="A,B", help="these peers only")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="report: PNG files go there")
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help="report: replace what stands there between two markers"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all that was measured goes there, too")
    words = "the peers' environments, the clip and what is written meanwhile (%(default)s)"
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FOLDER", help=words)
    options = parser.parse_args()
    if options.jobs[:1] == ["report"]:
        if len(options.jobs) != 2:
            parser.error("report of which file? Give the one that --json wrote: report figures.json")
    elif unknown := [name for name in options.jobs if name not in JOBS]:
        parser.error(f'there is no job "{unknown[0]}": they are {", ".join(JOBS)}')
    elif options.simulate and options.jobs != ["scale"]:
        parser.error("--simulate goes with the job scale alone")
    elif not options.jobs or options.simulate:
        options.jobs = [*(FAR if options.simulate else BESIDE)]
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


if __name__ == "__main__":
    sys.exit(main())
