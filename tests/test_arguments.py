"""The command line of a node, read from its function's signature."""

from typing import TYPE_CHECKING, Any

import pytest

from bus.arguments import inputs, parser

if TYPE_CHECKING:
    from somewhere import Frames  # type: ignore[import-not-found]


def node(
    frames: "Frames",
    extra: "Frames | None" = None,
    *,
    folder: str,
    rate: float = 2,
    count: int | None = None,
    fast: bool = False,
    slow: bool = True,
    areas: list[list[int]] | None = None,
    filter: list[str] | str = "emboss",
    table: dict[str, int] | None = None,
    untyped: Any = None,
) -> None:
    """A node.

    folder: where it goes, at 100 %.
    rate: frames a second
    """


def parse(*arguments: str) -> dict[str, Any]:
    return vars(parser(node, "node").parse_args(["--folder=out", *arguments]))


def test_positional_parameters_are_inputs_and_those_with_a_default_need_no_wire() -> None:
    assert inputs(node) == {"frames": True, "extra": False}


def test_defaults_are_those_of_the_signature() -> None:
    parsed = parse()
    assert parsed["rate"] == 2
    assert (parsed["count"], parsed["fast"], parsed["slow"], parsed["areas"]) == (None, False, True, None)
    assert (parsed["filter"], parsed["table"], parsed["pull"], parsed["photo"]) == ("emboss", None, [], None)


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--rate=2.5", "rate", 2.5),
        ("--count=-3", "count", -3),
        ("--fast", "fast", True),
        ("--no-slow", "slow", False),
        ("--areas=[[1,2],[3,4]]", "areas", [[1, 2], [3, 4]]),
        ("--filter=blur", "filter", "blur"),
        ('--filter=["blur","emboss"]', "filter", ["blur", "emboss"]),
        ('--table={"a":1}', "table", {"a": 1}),
        ("--untyped=--x=1, 2", "untyped", "--x=1, 2"),
    ],
)
def test_arguments_have_the_types_of_the_signature(argument: str, name: str, value: Any) -> None:
    assert parse(argument)[name] == value


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--rate=fast", "argument --rate: invalid float value: 'fast'"),
        ("--areas=[1,", "argument --areas"),
        ("--cou=3", "unrecognized arguments: --cou=3"),
        ("--fast=yes", "argument --fast/--no-fast: ignored explicit argument 'yes'"),
        ("--push=ipc:///x,keep=none", "argument --push: keep=none in"),
    ],
)
def test_a_wrong_argument_ends_the_program_and_is_named(
    argument: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        parse(argument)
    assert exited.value.code == 2
    assert words in capsys.readouterr().err


def test_a_missing_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser(node, "node").parse_args([])
    assert "the following arguments are required: --folder" in capsys.readouterr().err


def test_the_docstring_explains_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    shown = parser(node, "python -m node").format_help()
    assert "where it goes, at 100 %" in shown
    assert "frames a second (default: 2)" in shown
    assert "--areas JSON" in shown


def test_a_source_has_no_image_to_try() -> None:
    def source(*, count: int = 1) -> None: ...

    assert inputs(source) == {}
    assert not hasattr(parser(source, "source").parse_args([]), "photo")


def test_what_must_be_a_list_or_a_mapping_is_one() -> None:
    def takes(*, sides: list[int], table: dict[str, Any]) -> None: ...

    parsed = vars(parser(takes, "node").parse_args(["--sides=[4,5]", '--table={"a":1}']))
    assert (parsed["sides"], parsed["table"]) == ([4, 5], {"a": 1})
