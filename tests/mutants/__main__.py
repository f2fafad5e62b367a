"""Break each mechanism in a copy of the project, and run the tests that are to catch it; none may survive.

Exit code 1 if a mutant survives, or if a mutation does not fit the code any longer.
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
from contextlib import suppress
from pathlib import Path

from tests.launch import ROOT
from tests.mutants.table import MUTANTS, Mutant

CAUGHT = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
TESTS_FAILED = 1  # pytest's exit code
PATIENCE = 300  # seconds: a mutant may hang what it breaks
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "spool", "converted")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", help="only the mutants whose description contains one of these")
    wanted = parser.parse_args().words
    mutants = [mutant for mutant in MUTANTS if not wanted or any(word in mutant.broken for word in wanted)]
    alive = [mutant for mutant in mutants if not is_caught(mutant)]
    print(f"{len(mutants)} mutants, {len(alive)} survive{': ' if alive else ''}{'; '.join(m.broken for m in alive)}")
    return 1 if alive else 0


def is_caught(mutant: Mutant) -> bool:
    """Whether a test fails because of it; says which."""
    with tempfile.TemporaryDirectory(prefix="zg-mutant-") as place:
        copy = Path(place, "project")
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        mutate(copy / mutant.file, mutant)
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *mutant.tests]
        try:
            done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            print(f"caught    {mutant.broken}: its tests hang", flush=True)
            return True
        finally:
            kill_all_of(place)
        caught = CAUGHT.findall(done.stdout) if done.returncode == TESTS_FAILED else []
        verdict = f"caught    {mutant.broken}: {caught[0]}" if caught else f"SURVIVES  {mutant.broken}"
        print(f"{verdict} ({time.monotonic() - began:.0f} s)", flush=True)
        return bool(caught)


def mutate(file: Path, mutant: Mutant) -> None:
    """Put the mutation into the file. Raises SystemExit if it does not fit."""
    text = file.read_text()
    if text.count(mutant.sound) != 1:
        raise SystemExit(f"{mutant.broken}: {mutant.file} has this {text.count(mutant.sound)} times:\n{mutant.sound}")
    file.write_text(text.replace(mutant.sound, mutant.mutant))


def kill_all_of(place: str) -> None:
    """Kill what runs a program below `place`: a mutant may have lost the power to end it."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if place.encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
