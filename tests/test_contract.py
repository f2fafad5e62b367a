"""What a graph gives a node is compared with what its function takes."""

from pathlib import Path

import pytest

from tests.graphs import CAMERA, SHOW, loaded, mistakes

MAIN = '\nif __name__ == "__main__":\n    run(node)\n'


def test_a_signature_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("print('no node of ours')\n")
    graph = loaded(tmp_path, "other: {run: other, args: {anything: goes}}", CAMERA, SHOW)

    [warning] = graph.warnings
    assert warning == (
        f'{tmp_path}/graph.yaml:2: what "other" takes is not checked: no run(…) stands under '
        f'if __name__ == "__main__", in {tmp_path}/other.py'
    )
    assert graph.nodes["other"].args == {"anything": "goes"}


def test_a_module_that_is_not_python_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("\ndef broken(:\n")

    [problem] = mistakes(tmp_path, "broken: {run: broken}", CAMERA, SHOW)
    assert problem.startswith(f'2: "broken" runs a file that is not Python, {tmp_path}/broken.py:2: ')


def test_an_input_with_a_default_may_stay_unwired(tmp_path: Path) -> None:
    for pull in ("frames", "{left: frames}"):
        stereo = f"stereo: {{run: stereo, pull: {pull}, push: both}}"

        assert mistakes(tmp_path, CAMERA, stereo, "show: {run: show, pull: both}") == []


@pytest.mark.parametrize(
    ("parameter", "written", "passed"),
    [
        ("x: float", "25", 25),
        ("x: int | str", "3", 3),
        ("x: int | str", "3.50", "3.50"),
        ("x: str | list", "[3]", [3]),
        ("x: str | None = None", "", None),
        ("x=True", "off", False),
        ("x: Colour", "{a: [no]}", {"a": [False]}),
    ],
)
def test_a_value_that_fits_is_passed_on(tmp_path: Path, parameter: str, written: str, passed: object) -> None:
    (tmp_path / "node.py").write_text(f"def node(*, {parameter}): ...\n" + MAIN)

    graph = loaded(tmp_path, f"node: {{run: node, args: {{x: {written}}}}}")

    assert graph.nodes["node"].args == {"x": passed}


@pytest.mark.parametrize(
    ("parameter", "written", "words"),
    [
        ("x: int", '"5"', 'a whole number, not "5"'),
        ("x: int", "yes", "a whole number, not yes"),
        ("x: int", "9" * 30, f'a whole number, not "{"9" * 30}"'),
        ("x: float", "fast", 'a number, not "fast"'),
        ("x: bool", "0", "true or false, not 0"),
        ("x: str | int", "{}", "text or a whole number, not a mapping"),
    ],
)
def test_a_value_that_does_not_fit_is_a_mistake(tmp_path: Path, parameter: str, written: str, words: str) -> None:
    (tmp_path / "node.py").write_text(f"def node(*, {parameter}): ...\n" + MAIN)

    found = mistakes(tmp_path, f"node: {{run: node, args: {{x: {written}}}}}")

    assert found == [f'2: argument "x" of "node" must be {words}.']


def test_an_empty_value_does_not_stand_for_what_is_required(tmp_path: Path) -> None:
    assert mistakes(tmp_path, CAMERA.replace("test", ""), SHOW) == [
        '2: "camera" needs the argument "source". Add it under args.'
    ]
