"""`node.key=value` on the command line changes the graph before it is checked."""

from pathlib import Path

import pytest

from tests.graphs import CAMERA, SHOW, loaded, mistakes

SHRINK = "shrink: {run: shrink, pull: frames, push: small, args: {factor: 3}}"
END = "show: {run: show, pull: small}"


@pytest.mark.parametrize(
    ("override", "args"),
    [
        ("shrink.factor=4", {"factor": 4}),
        ("shrink.factor=", {"factor": None}),
        ("shrink.loop=true", {"factor": 3, "loop": True}),
        ("shrink.sides=[1, 2]", {"factor": 3, "sides": [1, 2]}),
        ("shrink.args={factor: 5}", {"factor": 5}),
    ],
)
def test_an_override_sets_an_argument(tmp_path: Path, override: str, args: dict[str, object]) -> None:
    graph = loaded(tmp_path, CAMERA, SHRINK, END, overrides=(override,))

    assert graph.nodes["shrink"].args == args


@pytest.mark.parametrize(
    "text", ["rtsp://user:${CAM}@h/1", "test:forever", "*.jpg", "a: b", "# no comment", "7", "@0", "a=b", "no"]
)
def test_a_word_needs_no_quotes_for_yaml(tmp_path: Path, text: str) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW, overrides=(f"camera.source={text}",))

    assert graph.nodes["camera"].args == {"source": text}


def test_a_node_s_key_wins_over_an_argument(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW, overrides=("show.replicas=4", "show.restart=never"))

    assert (graph.nodes["show"].replicas, graph.nodes["show"].restart) == (4, "never")


def test_the_last_of_two_overrides_counts(tmp_path: Path) -> None:
    graph = loaded(tmp_path, CAMERA, SHOW, overrides=("camera.source=a", "camera.source=b"))

    assert graph.nodes["camera"].args == {"source": "b"}


def test_an_override_adds_args_to_a_node_that_has_none(tmp_path: Path) -> None:
    bare = "camera: {run: camera, push: frames}"

    assert loaded(tmp_path, bare, SHOW, overrides=("camera.source=a",)).nodes["camera"].args == {"source": "a"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("camera", '"camera" is no override. Write node.key=value'),
        ("camera.=x", '"camera.=x" is no override. Write node.key=value'),
        ("=x", '"=x" is no override. Write node.key=value'),
        ("camra.source=x", '"camra.source=x": there is no node "camra". Did you mean "camera"?'),
        ("camera.sorce=x", '"camera" has no argument "sorce". Did you mean "source"?'),
        ("camera.replica=2", '"camera" has no argument "replica". Did you mean "replicas"?'),
        ("camera.rate=fast", 'argument "rate" of "camera" must be a number, not "fast".'),
        ("camera.replicas=0", 'node "camera": replicas must be a whole number from 1 to 256, or a range such as 2..6,'
         " not 0."),
        ("camera.restart=no", 'node "camera": restart: no means false in YAML. Write restart: never'),
        ("camera.push=[a, b", '"camera.push=[a, b": "[a, b" is not YAML. Close its quotes and brackets,'
         " or put all of it in quotes."),
        ("camera.args={a: 1, a: 2}", '"camera.args={a: 1, a: 2}": "{a: 1, a: 2}" is not YAML. Close its quotes and'
         " brackets, or put all of it in quotes."),
        ("camera.source=[*x]", '"camera.source=[*x]": "[*x]" is not YAML. Close its quotes and brackets,'
         " or put all of it in quotes."),
    ],
)  # fmt: skip
def test_a_bad_override_is_refused(tmp_path: Path, override: str, words: str) -> None:
    assert mistakes(tmp_path, CAMERA, SHOW, overrides=(override,)) == [f"command line: {words}"]


def test_mistakes_on_the_command_line_come_behind_those_of_the_file(tmp_path: Path) -> None:
    found = mistakes(tmp_path, CAMERA, SHOW[:-1] + ", gpu: 1}", overrides=("camera.rate=fast", "x.y=1"))

    assert [line.partition(":")[0] for line in found] == ["3", "command line", "command line"]


def test_an_override_does_not_hide_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "camera: 5", overrides=("camera.source=x",)) == [
        '2: node "camera" must be a mapping with keys such as run and command, not 5.'
    ]
    assert mistakes(tmp_path, CAMERA.replace("{source: test}", "fast"), SHOW, overrides=("camera.source=x",)) == [
        '2: node "camera": args must be a mapping of names to values, not "fast".',
        '2: "camera" needs the argument "source". Add it under args.',
    ]
