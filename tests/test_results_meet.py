"""host/reading/results.py: two nodes that would overwrite each other's results are warned of, and nobody else."""

from pathlib import Path

import pytest

from tests.graphs import loaded

WATCHER = "watcher: {run: nodes.watcher, push: [a, b], args: {folder: spool}}"
BOTH = (
    'nodes "one" and "two" save the same frames, those of "watcher", under the same names in out: one overwrites what'
    " the other has saved. Give one of them another folder."
)


def converter(name: str, pull: str, more: str = "", *, push: str = "", folder: str = "out") -> str:
    pushes = f", push: {push}" if push else ""
    return f"{name}: {{run: nodes.converter, pull: {pull}{pushes}, args: {{filter: emboss, folder: {folder}{more}}}}}"


def saver(name: str, pull: str, more: str = "") -> str:
    return f"{name}: {{run: nodes.saver, pull: {pull}, args: {{folder: ./out/{more}}}}}"


def warned(folder: Path, *nodes: str, more: str = "") -> list[str]:
    return [line.partition(": ")[2] for line in loaded(folder, *nodes, more=more).warnings]


@pytest.mark.parametrize(
    "nodes",
    [
        (converter("one", "a"), converter("two", "b")),
        (converter("one", "a", ", by: stream"), converter("two", "b", ", by: stream")),
        (converter("one", "a"), "far: {run: nodes.sample, pull: b, push: c, args: {every: 2}}", converter("two", "c")),
    ],
)
def test_the_same_frames_in_the_same_folder_are_warned_of(tmp_path: Path, nodes: tuple[str, ...]) -> None:
    assert warned(tmp_path, WATCHER, *nodes) == [BOTH]


def test_a_folder_in_other_words_and_a_saver_behind_a_converter_are_found_too(tmp_path: Path) -> None:
    one = "watcher: {run: nodes.watcher, push: a, args: {folder: spool}}"
    [words] = warned(tmp_path, one, converter("one", "a", push="c"), saver("two", "c"))
    assert words == BOTH.replace(" in out:", " in ./out/:")


def test_each_is_warned_of_once(tmp_path: Path) -> None:
    many = ["watcher: {run: nodes.watcher, push: [a, b, c], args: {folder: spool}}"]
    said = warned(tmp_path, *many, *(converter(name, wire) for name, wire in (("one", "a"), ("two", "b"), ("x", "c"))))
    assert said == [BOTH, BOTH.replace('"two"', '"x"')]


OTHER = "other: {run: nodes.watcher, push: c, args: {folder: spool2}}"
ROUTES = "router: {run: camera, push: {left: a, right: b}, args: {source: x}}"


@pytest.mark.parametrize(
    "nodes",
    [
        ("watcher: {run: nodes.watcher, push: a, args: {folder: out}}", converter("one", "a")),  # as graph.yaml might
        (
            "watcher: {run: nodes.watcher, push: a, args: {folder: spool}}",
            converter("one", "a")[:-1] + ", replicas: 4}",
        ),
        (WATCHER, converter("one", "a"), converter("two", "b", folder="out2")),
        (WATCHER, converter("one", "a"), converter("two", "b", ", format: png")),
        (WATCHER, converter("one", "a"), converter("two", "b", ", by: hour")),
        (WATCHER.replace("[a, b]", "a"), OTHER, converter("one", "a"), converter("two", "c")),  # names of their own
        (ROUTES, converter("one", "a"), converter("two", "b")),  # a frame may take one of the two ways
        (WATCHER, "shrink: {run: shrink, pull: b, push: c}", converter("one", "a"), converter("two", "c")),  # renames?
    ],
)
def test_who_cannot_meet_or_may_not_is_not_warned_of(tmp_path: Path, nodes: tuple[str, ...]) -> None:
    assert warned(tmp_path, *nodes) == []


def test_on_two_hosts_a_folder_of_one_name_is_two(tmp_path: Path) -> None:
    nodes = [WATCHER, converter("one", "a"), converter("two", "b")]
    placed = [node.replace("{run", f"{{host: {host}, run") for node, host in zip(nodes, ("x", "x", "y"), strict=True)]
    wires = 'hosts: {x: {}, y: {address: 10.0.0.9}}\nwires: {b: {address: "tcp://y:5560", insecure: true}}'
    assert warned(tmp_path, *placed, more=wires) == []
