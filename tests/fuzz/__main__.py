"""Fuzz for some minutes: batches of cases in child processes, until the time is up or one of them dies."""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.fuzz.child import HANG
from tests.fuzz.judge import Case, judge

PATIENCE = 120.0  # seconds for which a child may run on when its time is up: its start, its last case, its end
BATCH = 2000  # cases of a child: seconds, of which its start is a small part
MEMORY = 2 * 1024**2  # KiB that a child may take at most: the largest image that is decoded, converted and encoded


def fuzz(seconds: float, most: int, seed: int, failures: Path) -> int:
    """Run batches from `seed` on, `most` cases in all, save what kills one in `failures`; the exit code."""
    counts: Counter[str] = Counter()
    start, worst, peak, spent = time.monotonic(), 0.0, 0, 0.0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        case = Path(folder, "case")
        while (left := start + seconds - time.monotonic()) > 0 and most > 0:
            options = [f"--seed={seed}", f"--cases={min(most, BATCH)}", f"--seconds={left}", f"--case={case}"]
            told = batch([sys.executable, "-m", "tests.fuzz.child", *options], case, failures, left + PATIENCE)
            if told is None:
                print(f"seed {seed}")
                return 1
            counts.update(told["counts"])
            most -= BATCH
            worst, peak, seed = max(worst, told["worst"]), max(peak, told["peak"]), seed + 1
    spent = time.monotonic() - start
    total = sum(counts.values())
    print(f"{total} cases in {spent:.0f} s, {total / spent:.0f} a second; seeds up to {seed - 1}")
    for verdict, count in sorted(counts.items()):
        print(f"  {count:8} {verdict}")
    print(f"the slowest took {worst:.2f} s of {HANG} s, the largest process {peak // 1024} of {MEMORY // 1024} MiB")
    return 0 if peak <= MEMORY and total else 1


def batch(command: list[str], case: Path, failures: Path, seconds: float) -> dict[str, Any] | None:
    """What a child that runs `command` tells at its end.

    If it dies, says nothing, or is not through in `seconds`, `case` is saved, and that is said.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        print(f"a child ran for over {seconds:.0f} s, and no alarm could end it")
    else:
        with suppress(json.JSONDecodeError):
            if done.returncode == 0:
                told: dict[str, Any] = json.loads(done.stdout)
                return told
        print(done.stderr)
        print(f"a child ended with {done.returncode}" + f" (-14: over {HANG} s)" * (done.returncode == -14))
    if case.exists():
        failures.mkdir(parents=True, exist_ok=True)
        saved = failures / f"{hashlib.sha256(case.read_bytes()).hexdigest()[:12]}.case"
        shutil.copy(case, saved)
        print(f"try it again: python -m tests.fuzz --replay {saved}")
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cases", type=int, default=2**63, help="stop after so many, however long they take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="where inputs that kill are saved")
    parser.add_argument("--replay", type=Path, help="an input that was saved")
    options = parser.parse_args()
    if options.replay:
        with tempfile.TemporaryDirectory() as folder:
            print(judge(Case.load(options.replay.read_bytes()), Path(folder)))
        return 0
    return fuzz(options.minutes * 60, options.cases, options.seed, options.failures)


if __name__ == "__main__":
    sys.exit(main())
