"""What a node takes is read from its source, which is never run."""

from pathlib import Path

import pytest

from host.reading import signature
from host.reading.signature import Unclear

MAIN = '\nif __name__ == "__main__":\n    run(node)\n'


def read(tmp_path: Path, source: str) -> signature.Signature:
    path = tmp_path / "node.py"
    path.write_text(source)
    return signature.read(path)


def kinds(tmp_path: Path, parameter: str) -> set[str]:
    return set(read(tmp_path, f"def node(*, {parameter}): ...\n" + MAIN).arguments["x"].kinds)


def test_positional_parameters_are_inputs_and_those_with_a_default_may_stay_unwired(tmp_path: Path) -> None:
    found = read(tmp_path, "def node(left, /, right, extra=None, *, x=1): ...\n" + MAIN)

    assert found.inputs == {"left": True, "right": True, "extra": False}
    assert list(found.arguments) == ["x"]


def test_an_argument_without_a_default_is_required(tmp_path: Path) -> None:
    found = read(tmp_path, "def node(*, a, b: int, c=None): ...\n" + MAIN)

    assert [name for name, argument in found.arguments.items() if argument.required] == ["a", "b"]


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("x", {"text"}),
        ("x=None", {"text"}),
        ("x='a'", {"text"}),
        ("x=1", {"int"}),
        ("x=-1.5", {"float"}),
        ("x=False", {"bool"}),
        ("x=[1]", {"list"}),
        ("x={}", {"mapping"}),
        ("x=QUALITY", set()),
        ("x: str", {"text"}),
        ("x: 'int | None' = None", {"int"}),
        ("x: str | list[str] | dict[str, Any]", {"text", "list", "mapping"}),
        ("x: Optional[float] = 2", {"float"}),
        ("x: typing.Union[int, pathlib.Path]", {"int", "text"}),
        ("x: Literal['a', 'b'] = 'a'", {"text"}),
        ("x: Colour = None", set()),
        ("x: int | Colour", set()),
        ("x: object", set()),
    ],
)
def test_the_annotation_or_else_the_default_says_what_fits(tmp_path: Path, parameter: str, expected: set[str]) -> None:
    assert kinds(tmp_path, parameter) == expected


def test_the_module_is_not_run(tmp_path: Path) -> None:
    source = f"open({str(tmp_path / 'ran')!r}, 'w')\ndef node(): ...\n" + MAIN

    assert read(tmp_path, source).inputs == {}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "no run"),
        ("def node(): ...\nrun(node)\n", "no run"),
        ("def node(): ...\n" + MAIN.replace("run(node)", "subprocess.run(node)"), "no run"),
        ("from media import node\n" + MAIN, "node is not defined there"),
        ("def node(): ...\n" + MAIN.replace("(node)", "(partial(node))"), "is not defined there"),
        ("@cached\ndef node(): ...\n" + MAIN, "a decorator may change what node takes"),
    ],
)
def test_a_signature_that_cannot_be_read_says_why(tmp_path: Path, source: str, why: str) -> None:
    with pytest.raises((Unclear, SyntaxError), match=why):
        read(tmp_path, source)


NESTED = {"brackets": "(" * 20_000, "sums": "+".join("a" * 50_000), "types": "a" + "[a" * 150 + "]" * 150}


@pytest.mark.parametrize("annotation", NESTED.values(), ids=NESTED)
def test_code_that_is_nested_without_end_is_no_traceback(tmp_path: Path, annotation: str) -> None:
    with pytest.raises((Unclear, SyntaxError)):
        read(tmp_path, f"def node(*, x: {annotation}): ...\n" + MAIN.replace("(node)", f"({annotation})"))


@pytest.mark.parametrize(
    "source", ["def node(:\n", "x = 'a\0b'\n", "x: 'caf\udce9'\n", "def node(*, x: '1 +'): ...\n" + MAIN]
)
def test_a_file_that_is_not_python_is_a_syntax_error(tmp_path: Path, source: str) -> None:
    path = tmp_path / "node.py"
    path.write_bytes(source.encode(errors="surrogateescape"))

    with pytest.raises(SyntaxError):
        signature.read(path)


def test_an_escape_that_python_warns_of_is_no_business_of_the_loader(tmp_path: Path) -> None:
    assert read(tmp_path, "PATTERN = '\\d'\ndef node(): ...\n" + MAIN).inputs == {}
