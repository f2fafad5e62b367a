"""How a process is told at which step to die."""

import ast
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.steps import points, step
from tests.crash_points import ROWS
from tests.launch import ROOT

CODE = """
from bus.steps import step
for number in range(3):
    with step("claim"):
        print("claims", number, flush=True)
try:
    with step("save"):
        raise OSError
except OSError:
    pass
print("ends")
"""
WHOLE = ["claims 0", "claims 1", "claims 2", "ends"]


def life(crash: str, folder: Path) -> tuple[int, list[str], str]:
    """The exit code of one life of CODE, the lines that it printed, and its last words."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "ZG_CRASH": crash},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_step_is_the_same_inert_thing_wherever_nobody_is_to_die() -> None:
    assert step("claim") is step("save")
    with pytest.raises(OSError, match="as ever"), step("claim"):
        raise OSError("as ever")


@pytest.mark.parametrize(
    ("crash", "lines"),
    [("before claim", 0), ("after claim", 1), ("before claim 3", 2), ("after claim 3", 3), ("before save", 3)],
)
def test_a_process_dies_exactly_there_and_its_next_life_lives(tmp_path: Path, crash: str, lines: int) -> None:
    assert life(f"{crash}, fuse burnt", tmp_path) == (-signal.SIGKILL, WHOLE[:lines], "")
    assert (tmp_path / "burnt.1").exists()
    assert life(f"{crash}, fuse burnt", tmp_path) == (0, WHOLE, "")


def test_each_life_has_a_point_of_its_own(tmp_path: Path) -> None:
    crash = "after claim 2, then before claim, then before save, fuse burnt"
    lives = [life(crash, tmp_path) for _ in range(4)]
    assert [lines for _, lines, _ in lives] == [WHOLE[:2], [], WHOLE[:3], WHOLE]
    assert [code for code, _, _ in lives] == [-signal.SIGKILL] * 3 + [0]


def test_a_step_that_fails_has_no_after(tmp_path: Path) -> None:
    code, lines, _ = life("after save, fuse burnt", tmp_path)
    assert (code, lines) == (0, WHOLE)
    assert not (tmp_path / "burnt.1").exists()


@pytest.mark.parametrize(("step", "times"), [("clam", 1), ("claim 5", 2)])
def test_a_point_that_was_never_reached_is_said(tmp_path: Path, step: str, times: int) -> None:
    code, lines, words = life(f"before {step}, fuse burnt", tmp_path)
    assert (code, lines) == (0, WHOLE)
    assert words == f'ZG_CRASH: "{step.split()[0]}" was to come {times} times more\n'


@pytest.mark.parametrize(
    "crash",
    ["claim", "before claim", "before claim 0, fuse x", "before claim -1, fuse x", "while claim, fuse x", "fuse x",
     "before , fuse x", "before claim, fuse ", "before claim, 3, fuse x", "before claim, then fuse"],
)  # fmt: skip
def test_what_is_not_understood_is_refused(crash: str) -> None:
    with pytest.raises(ValueError, match="is not understood"):
        points(crash)


def test_a_variable_that_is_wrong_ends_the_process_with_2(tmp_path: Path) -> None:
    code, lines, words = life("claim", tmp_path)
    assert (code, lines) == (2, [])
    assert words == 'ZG_CRASH="claim" is not understood: write "before claim 3, fuse FILE"; see bus/steps.py\n'


def test_every_step_in_the_code_is_among_the_crash_points() -> None:
    in_the_code = {name for part in ("bus", "host", "media", "nodes") for name in _named(ROOT / part)}
    in_the_table = {row.step.rstrip(" 0123456789") for row in ROWS}
    assert in_the_code - in_the_table == {"report", "resume"}  # no news of messages; only in a second life
    assert in_the_table <= in_the_code


def _named(part: Path) -> Iterator[str]:
    """The names of the steps in the files below `part`."""
    for file in part.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "step":
                yield from (str(word.value) for word in ast.walk(node.args[0]) if isinstance(word, ast.Constant))
