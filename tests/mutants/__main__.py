"""Break each mechanism in a copy of the project, and run the tests that are to catch it; none may survive.

A test that fails of a mutant must pass without it. Exit code 1 if a mutant survives, does not fit the code any longer,
or if its tests cannot tell.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.launch import ROOT
from tests.mutants.mutant import DoesNotFit, Mutant
from tests.mutants.table import MUTANTS

FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
PASSED = re.compile(r"\b\d+ passed\b")
CAUGHT, SURVIVES, NO_FIT, CANNOT_TELL = "caught", "SURVIVES", "DOES NOT FIT", "CANNOT TELL"
ALL_PASSED, SOME_FAILED = 0, 1  # pytest's exit codes
PATIENCE = 300  # seconds: a mutant may hang what it breaks
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "spool", "converted")


class Fate(NamedTuple):
    """What became of a mutant, and what shows it."""

    what: str
    words: str


class Outcome(NamedTuple):
    """What a run of tests came to."""

    code: int | None  # pytest's; None: they hang
    output: str

    @property
    def failed(self) -> list[str]:
        return FAILED.findall(self.output) if self.code == SOME_FAILED else []

    @property
    def passed(self) -> bool:
        """Whether all did that were not skipped, and some were not."""
        return self.code == ALL_PASSED and bool(PASSED.search(self.output))

    def __str__(self) -> str:
        return "they hang" if self.code is None else f"exit code {self.code}: {' '.join(self.output.split())[-300:]}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", help="only the mutants whose description contains one of these")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at a time (%(default)s)")
    options = parser.parse_args()
    words = options.words
    mutants = [mutant for mutant in MUTANTS if not words or any(word in mutant.broken for word in words)]
    began = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as threads:
        fates = list(threads.map(told, mutants))
    counts = ", ".join(f"{sum(fate.what == what for fate in fates)} {what}" for what in (CAUGHT, SURVIVES))
    others = sum(fate.what in (NO_FIT, CANNOT_TELL) for fate in fates)
    print(f"{len(mutants)} mutants: {counts}, {others} not tried ({time.monotonic() - began:.0f} s)")
    for mutant, fate in zip(mutants, fates, strict=True):
        if fate.what != CAUGHT:
            print(f"{fate.what}  {mutant.broken}")
    return 0 if all(fate.what == CAUGHT for fate in fates) else 1


def told(mutant: Mutant) -> Fate:
    """Try the mutant, and say at once what became of it."""
    began = time.monotonic()
    fate = tried(mutant)
    print(f"{fate.what:13}{mutant.broken}: {fate.words} ({time.monotonic() - began:.0f} s)", flush=True)
    return fate


def tried(mutant: Mutant) -> Fate:
    """Put the mutant into a copy of the project, and run its tests there."""
    with tempfile.TemporaryDirectory(prefix="zg-mutant-", ignore_cleanup_errors=True) as place:
        copy = Path(place, "project")
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        file = copy / mutant.file
        try:
            broken = mutant.put_into(copy)
        except DoesNotFit as error:
            return Fate(NO_FIT, str(error))
        sound = file.read_text()
        file.write_text(broken)
        tests = run(copy, mutant.tests)
        if tests.passed:
            return Fate(SURVIVES, f"{' '.join(mutant.tests)} passed")
        if tests.code is not None and not tests.failed:
            return Fate(CANNOT_TELL, str(tests))
        file.write_text(sound)
        catchers = tests.failed[:1] or mutant.tests
        without = run(copy, catchers)
        if not without.passed:
            return Fate(CANNOT_TELL, f"{' '.join(catchers)} does not pass without it either: {without}")
        return Fate(CAUGHT, catchers[0] if tests.failed else "its tests hang")


def run(project: Path, tests: Sequence[str]) -> Outcome:
    """Run these tests in the project, up to the first that fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # two versions of a file may have one size and second
    try:
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, errors="replace", timeout=PATIENCE,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(None, "")
    finally:
        kill_all_of(str(project))
    return Outcome(done.returncode, done.stdout + done.stderr)


def kill_all_of(place: str) -> None:
    """Kill what runs a program below `place`: a mutant may have lost the power to end it."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if place.encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
