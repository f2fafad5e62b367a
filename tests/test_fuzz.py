"""A short run of the fuzzer, and that it finds what it is for."""

import subprocess
import sys
from pathlib import Path

import pytest

from bus import Message
from bus.meta import facts, packed
from tests.corpus import CLEAN
from tests.fuzz.__main__ import batch
from tests.fuzz.judge import Case, judge
from tests.launch import ROOT

CASES = 400  # a few seconds


def fuzz(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_nothing_that_comes_from_outside_kills_hangs_or_fills_a_node(tmp_path: Path) -> None:
    done = fuzz(f"--cases={CASES}", "--seed=1", f"--failures={tmp_path}")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    for verdict in ("image converted", "image rejected", "message malformed", "state malformed"):
        assert verdict in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "deed",
    [
        "os.kill(os.getpid(), 11)",
        "signal.alarm(1); signal.pause()",
        "bytearray(2**33)",
        "raise SystemExit(3)",
        "signal.pause()",
        "pass",
    ],
)
def test_whatever_kills_is_saved_so_that_it_can_be_tried_again(
    tmp_path: Path, deed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    case = Case("image", (CLEAN,))
    code = (
        "import os, pathlib, resource, signal, sys; resource.setrlimit(resource.RLIMIT_CORE, (0, 0));"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        f"pathlib.Path(sys.argv[1]).write_bytes({case.dump()!r}); {deed}"
    )

    told = batch([sys.executable, "-c", code, str(tmp_path / "case")], tmp_path / "case", tmp_path / "failures", 3.0)

    assert told is None
    [saved] = (tmp_path / "failures").iterdir()
    assert f"python -m tests.fuzz --replay {saved}" in capsys.readouterr().out
    assert Case.load(saved.read_bytes()) == case


def test_an_input_that_was_saved_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "saved.case").write_bytes(Case("image", (CLEAN,)).dump())

    done = fuzz(f"--replay={tmp_path / 'saved.case'}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "image converted\n", "")


@pytest.mark.parametrize(
    "case",
    [Case("image", (b"",)), Case("message", (b"{}", b"\n" * 9)), Case("state", (b"\xff\n",))],
    ids=lambda c: c.kind,
)
def test_a_case_is_saved_as_it_was(case: Case) -> None:
    assert Case.load(case.dump()) == case


def test_a_verdict_tells_what_became_of_a_case(tmp_path: Path) -> None:
    assert judge(Case("image", (CLEAN,)), tmp_path) == "image converted"
    assert judge(Case("image", (b"GIF89a",)), tmp_path) == "image rejected"
    assert judge(Case("message", (b"{", b"")), tmp_path) == "message malformed"
    assert judge(Case("state", (b"\xff",)), tmp_path) == "state malformed"


def test_a_judge_that_looks_for_crashes_lets_them_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(body: bytes) -> None:
        raise IndexError

    monkeypatch.setattr("bus.message.decode", broken)
    with pytest.raises(IndexError):
        judge(Case("image", (CLEAN,)), tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_no_json_are_refused_where_they_are_made(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed(facts(Message(data={"number": number})))
