"""Cut the power at random moments of a real run, and see that nothing is lost; start the launcher again after some."""

import argparse
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.launch import Launch
from tests.powerloss.judge import broken
from tests.powerloss.replay import Files
from tests.powerloss.run import BAD, CLIP, DEAD, OUT, RESULTS, SPOOL, Run, read, record

WAYS = ((), ("watcher.then=keep",))  # of seeing a frame off
SHOWN = 10  # cuts that are described, of those that broke something


def cut(run: Run, seed: str) -> tuple[int, Files]:
    """The line of the trace behind which the power failed, and what was on the disk then."""
    rng = random.Random(seed)
    line = rng.choice(run.disk.lines)
    return line, run.disk.cut(line, rng)


def go_on(run: Run, files: Files, folder: Path) -> None:
    """Start the launcher on what a cut has left, in a new folder. Raises AssertionError unless it completes that."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    os.utime(folder / CLIP, ns=(run.mtime, run.mtime))  # else it would be another clip, and be split afresh
    with Launch(folder, *run.words) as graph:
        assert graph.ends() == 0, graph.output
    found = read(folder)
    results = {f"{RESULTS}/{name}": content for name, content in run.results.items()}
    assert {path: found[path] for path in found if path.startswith(f"{OUT}/")} == results, graph.output
    came = any(path.endswith(BAD) for path in files)
    dead = {f"{DEAD}/{BAD}", f"{DEAD}/{BAD}.txt"} if came else set()
    assert {path for path in found if path.startswith(f"{SPOOL}/") and "/." not in path} == dead, graph.output


def main(cuts: int, starts: int, frames: int, seed: int) -> int:
    broke, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="powerloss-") as place, ThreadPoolExecutor(2) as launchers:
        started = []
        for way, words in enumerate(WAYS):
            run, mine = record(Path(place, f"run {way}"), frames, *words), range(way, cuts, len(WAYS))
            print(f"{' '.join(run.words)}: {frames} frames, {len(run.disk.lines)} moments; {len(mine)} cuts")
            for number in mine:
                line, files = cut(run, f"{seed}/{number}")
                problems = broken(run, line, files)
                broke += bool(problems)
                if problems and broke <= SHOWN:
                    print(f"cut {number}, behind line {line} of the trace: {'; '.join(problems)}")
                if number < starts:
                    started.append(launchers.submit(go_on, run, files, Path(place, f"{number}")))
        for start in started:
            start.result()
    if started:
        print(f"started again after {len(started)} of them: each time the launcher made every result that was missing")
    print(f"{cuts} cuts: {broke} lost or tore something; {time.monotonic() - began:.0f} s, seed {seed}")
    return 1 if broke else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.powerloss", description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=50, help="after how many of them the launcher is started again")
    parser.add_argument("--frames", type=int, default=40, help="of the clip")
    parser.add_argument("--seed", type=int, default=7)
    sys.exit(main(**vars(parser.parse_args())))
