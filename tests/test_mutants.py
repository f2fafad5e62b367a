"""The table of mutants fits the code, and a run of them tells the caught from the others and goes on behind these."""

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.launch import ROOT
from tests.mutants import __main__ as runner
from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS

TESTS = """\
from code_of import twice


def test_twice():
    assert twice(2) == 4


def test_nothing():
    pass


def test_that_always_fails():
    assert False


def test_that_is_skipped():
    import pytest

    pytest.skip("not here")
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.broken)
def test_each_mutant_fits_the_code_once_and_names_tests_that_are_there(mutant: Mutant) -> None:
    broken = mutant.put_into()
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse((ROOT / mutant.file).read_text()))
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text() if name else (ROOT / file).is_file()


def test_no_two_mutants_are_called_the_same_or_break_the_same() -> None:
    assert len({mutant.broken for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant[1:4] for mutant in MUTANTS}) == len(MUTANTS)


def mutant(broken: str, *tests: str, sound: str = "2 * n", into: str = "3 * n") -> Mutant:
    return Mutant(broken, "code_of.py", sound, into, tuple(f"test_of.py::{test}" for test in tests))


FATES = {
    mutant("it does not fit", "test_twice", sound="4 * n"): runner.NO_FIT,
    mutant("its tests are not there", "test_that_is_not_there"): runner.CANNOT_TELL,
    mutant("its tests fail of themselves", "test_that_always_fails"): runner.CANNOT_TELL,
    mutant("its tests are skipped", "test_that_is_skipped"): runner.CANNOT_TELL,
    mutant("its tests cannot be loaded", "test_twice", sound="def twice", into="def thrice"): runner.CANNOT_TELL,
    mutant("its tests see nothing", "test_nothing"): runner.SURVIVES,
    mutant("its second test sees it", "test_nothing", "test_twice"): runner.CAUGHT,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which every fate of a mutant comes about, before the runner."""
    (tmp_path / "code_of.py").write_text("def twice(n):\n    return 2 * n\n")
    (tmp_path / "test_of.py").write_text(TESTS)
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, mutants: Sequence[Mutant], *words: str) -> int:
    monkeypatch.setattr(runner, "MUTANTS", mutants)
    monkeypatch.setattr(sys, "argv", ["mutants", *words])
    return runner.main()


def test_a_run_goes_on_behind_what_does_not_fit_or_cannot_be_told_and_says_all_fates(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, [*FATES], "--jobs=2") == 1
    lines = capsys.readouterr().out.splitlines()
    for one, fate in FATES.items():
        assert any(line.startswith(f"{fate:13}{one.broken}: ") for line in lines), lines
    assert lines[7].startswith("7 mutants: 1 caught, 1 SURVIVES, 5 not tried (")
    assert lines[8:] == [f"{fate}  {one.broken}" for one, fate in FATES.items() if fate != runner.CAUGHT]
    assert (project / "code_of.py").read_text().endswith("return 2 * n\n")


def test_a_run_in_which_all_are_caught_exits_with_0(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, [*FATES], "second test") == 0
    assert "1 mutants: 1 caught, 0 SURVIVES, 0 not tried (" in capsys.readouterr().out


def test_a_mutant_that_makes_its_tests_hang_is_caught(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([runner.Outcome(None, ""), runner.Outcome(0, "1 passed")])
    monkeypatch.setattr(runner, "run", lambda *_: next(runs))
    assert runner.tried(mutant("it hangs", "test_twice")) == (runner.CAUGHT, "its tests hang")


def test_tests_that_hang_are_stopped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "test_of.py").write_text("def test_nothing():\n    while True:\n        pass\n")
    monkeypatch.setattr(runner, "PATIENCE", 1)
    assert runner.run(project, ["test_of.py"]) == (None, "")
