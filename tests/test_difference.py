"""What differs between two graphs: who restarts, starts and leaves, and how that is said."""

from pathlib import Path
from typing import NamedTuple

import pytest

from host import keyring
from host.difference import Difference, moved, remade, retired_pools, worded
from host.graph import load
from host.plan import Plan, Wish
from tests.graphs import write_modules

GRAPH = """\
nodes:
  watcher: {run: nodes.watcher, push: frames, args: {folder: spool}}
  converter: {run: nodes.converter, pull: frames, push: converted, args: {filter: emboss}}
  saver: {run: nodes.saver, pull: converted, args: {folder: saved}}
wires:
  converted: {keep: all}
"""
POOLED = """\
hosts: {station: {key: "STATION", address: 10.0.0.7}, pool: {ray: auto, key: "POOL"}}
wires: {frames: {address: "tcp://station:5560"}}
nodes:
  watcher: {run: nodes.watcher, host: station, push: frames, args: {folder: in}}
  converter: {run: nodes.converter, host: pool, pull: frames, args: {filter: emboss, folder: /srv/out}}
"""
SHRINK = "  shrink: {run: shrink, pull: small, push: converted}\n"
INSERTED = ("pull: frames, push: converted", "pull: frames, push: small"), ("wires:", SHRINK + "wires:")


class Found(NamedTuple):
    words: list[str]
    restart: list[str]
    start: list[str]
    leave: list[str]


def plan(folder: Path, text: str, overrides: tuple[str, ...] = (), host: str | None = None) -> Plan:
    path = folder / "graph.yaml"
    path.write_text(text)
    return Wish(path, overrides, host).plan(Path("/run"), load(path, overrides))


def difference(before: Plan, after: Plan, reloaded: tuple[str, ...] = ()) -> Found:
    found = Difference.between(before.processes, after.processes, reloaded)
    return Found(worded(before, after, found, reloaded), sorted(found.changed), sorted(found.fresh), sorted(found.gone))


def edited(folder: Path, *changes: tuple[str, str], text: str = GRAPH) -> Found:
    """What it makes of `text` that each of these words is replaced by the other."""
    write_modules(folder)
    before, after = plan(folder, text), text
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    return difference(before, plan(folder, after))


def test_nothing_differs_if_only_lines_comments_and_their_order_do(tmp_path: Path) -> None:
    assert edited(tmp_path, ("nodes:", "# all of them\n\nnodes:")) == ([], [], [], [])
    saver = GRAPH.splitlines(keepends=True)[3]
    moved = GRAPH.replace(saver, "").replace("nodes:\n", f"nodes:\n{saver}")
    assert edited(tmp_path, (GRAPH, moved)) == ([], [], [], [])


def test_another_argument_restarts_that_node_alone(tmp_path: Path) -> None:
    found = edited(tmp_path, ("emboss", "find_edges"))
    assert found == (["converter: filter emboss -> find_edges; restarts"], ["converter.1"], [], [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("filter: emboss", "filter: [emboss, {resize: x90}]"), "filter emboss -> ['emboss', {'resize': 'x90'}]"),
        (("filter: emboss", "filter: emboss, quality: 80"), "quality nothing -> 80"),
        (("filter: emboss", "filter: emboss, sync: false"), "sync nothing -> false"),
        (("{filter: emboss}", "{filter: emboss}, env: {SECRET: x}"), "the variable SECRET"),
        (("nodes.converter", "shrink"), "run nodes.converter -> shrink, filter emboss -> nothing, stall 30 -> nothing"),
    ],
)
def test_each_value_that_differs_is_said(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    more = [(", args: {filter: emboss}", "")] if "shrink" in change else []
    found = edited(tmp_path, change, *more)
    assert found == ([f"converter: {words}; restarts"], ["converter.1"], [], [])


def test_how_many_replicas_there_may_be_is_said_as_it_is_written(tmp_path: Path) -> None:
    spread = GRAPH.replace("{run: nodes.converter,", "{run: nodes.converter, replicas: 2..6,")
    found = edited(tmp_path, ("2..6", "3..6"), text=spread)
    assert found == (["converter: replicas 2..6 -> 3..6"], [], [], [])
    found = edited(tmp_path, ("2..6", "3..8"), text=spread)
    assert found.words[1] == "converter: replicas 2..6 -> 3..8"
    assert found.start == ["converter.7", "converter.8"]
    assert found.leave == []
    found = edited(tmp_path, ("2..6", "4"), text=spread)
    assert found.words[1] == "converter: replicas 2..6 -> 4; 2 leave"
    assert found.restart == ["saver.1", "watcher.1"]


def test_what_the_launcher_alone_looks_at_restarts_nobody(tmp_path: Path) -> None:
    found = edited(tmp_path, ("{filter: emboss}", "{filter: emboss}, stall: 7, memory: 1GB, restart: always"))
    said = "converter: restart on-failure -> always, stall 30 -> 7, memory nothing -> 1000000000"
    assert found == ([said], [], [], [])


def test_a_node_that_is_inserted_restarts_those_beside_it(tmp_path: Path) -> None:
    found = edited(tmp_path, *INSERTED)
    assert found.words == [
        "converter: pushes converted -> small; restarts",
        "shrink: new, between converter and saver; starts",
        "saver: its wires change; restarts",
    ]
    assert found[1:] == (["converter.1", "saver.1"], ["shrink.1"], [])


def test_a_node_that_is_removed_leaves_and_those_beside_it_restart(tmp_path: Path) -> None:
    inserted = GRAPH
    for old, new in INSERTED:
        inserted = inserted.replace(old, new)
    found = edited(tmp_path, *((new, old) for old, new in INSERTED), text=inserted)
    assert found.words == [
        "converter: pushes small -> converted; restarts",
        "saver: its wires change; restarts",
        "shrink: removed",
    ]
    assert found[1:] == (["converter.1", "saver.1"], [], ["shrink.1"])


def test_a_node_that_has_another_name_alone_is_said_to_be_renamed(tmp_path: Path) -> None:
    found = edited(tmp_path, ("converter:", "embosser:"))
    assert found.words == [
        "watcher: its wires change; restarts",
        "embosser: new name of converter; starts",
        "saver: its wires change; restarts",
    ]
    assert found[1:] == (["saver.1", "watcher.1"], ["embosser.1"], ["converter.1"])


def test_with_more_replicas_those_that_are_there_go_on_and_so_do_they_with_fewer(tmp_path: Path) -> None:
    many = ("{filter: emboss}", "{filter: emboss}, replicas: 4")
    found = edited(tmp_path, many)
    assert found.words == [
        "watcher: its wires change; restarts",
        "converter: replicas 1 -> 4; 3 start",
        "saver: its wires change; restarts",
    ]
    assert found[1:] == (["saver.1", "watcher.1"], ["converter.2", "converter.3", "converter.4"], [])
    found = edited(tmp_path, many[::-1], text=GRAPH.replace(*many))
    assert "converter: replicas 4 -> 1; 3 leave" in found.words
    assert found[1:] == (["saver.1", "watcher.1"], [], ["converter.2", "converter.3", "converter.4"])


@pytest.mark.parametrize(
    ("wire", "restart"),
    [
        ("keep: latest", ["converter.1", "saver.1"]),
        ("keep: all, prefetch: 3", ["saver.1"]),
        ("keep: all, max_age: 2", ["converter.1"]),
        ("keep: all, encode: png", ["converter.1"]),
    ],
)
def test_what_is_said_of_a_wire_restarts_the_ends_that_are_told(tmp_path: Path, wire: str, restart: list[str]) -> None:
    found = edited(tmp_path, ("keep: all", wire))
    assert found.words[-1].startswith("the wire converted: ")
    assert found[1:] == (restart, [], [])


def test_a_folder_upstream_is_one_that_those_behind_it_may_read(tmp_path: Path) -> None:
    found = edited(tmp_path, ("folder: spool", "folder: other"))
    assert found.restart == ["converter.1", "saver.1", "watcher.1"]


def test_a_module_that_has_changed_restarts_its_nodes(tmp_path: Path) -> None:
    same = plan(tmp_path, GRAPH)
    found = difference(same, same, ("converter",))
    assert found == (["converter: its module has changed; restarts"], ["converter.1"], [], [])


def test_overrides_go_on_winning(tmp_path: Path) -> None:
    override = ("converter.filter=blur",)
    before, after = (plan(tmp_path, text, override) for text in (GRAPH, GRAPH.replace("emboss", "find_edges")))
    assert difference(before, after) == ([], [], [], [])


def test_a_splitter_without_a_folder_is_said_to_lose_what_it_holds(tmp_path: Path) -> None:
    splitter = "splitter: {run: nodes.splitter, push: frames, args: {source: test}}"
    text = f"nodes:\n  {splitter}\n  show: {{run: show, pull: frames}}\n"
    found = edited(tmp_path, ("source: test", "source: clip.mp4"), text=text)
    loss = "splitter: restarts, and has no folder, so what it holds is lost, and a clip begins anew"
    assert found.words == ["splitter: source test -> clip.mp4; restarts", loss]


def test_passwords_in_addresses_are_not_said(tmp_path: Path) -> None:
    found = edited(tmp_path, ("folder: saved", "folder: 'rtsp://me:secret@cam/1'"))
    assert found.words == ["saver: folder saved -> rtsp://…@cam/1; restarts"]


def test_only_what_a_node_is_itself_makes_it_another_one(tmp_path: Path) -> None:
    graphs = [plan(tmp_path, text).graph for text in (GRAPH, GRAPH.replace("emboss", "blur").replace("frames", "wire"))]
    assert remade(*graphs) == {"converter"}


def test_a_pool_has_another_placer_where_the_code_or_the_machines_of_its_nodes_change(tmp_path: Path) -> None:
    text = POOLED.replace("STATION", keyring.make(tmp_path, "station")).replace("POOL", keyring.make(tmp_path, "pool"))
    before = plan(tmp_path, text, host="station")
    elsewhere = plan(tmp_path, text.replace("ray: auto", "ray: auto, folder: /srv"), host="station")
    without = plan(tmp_path, text.replace("host: pool", "host: station"), host="station")

    assert retired_pools(before, before) == moved(before.graph, before.graph) == set()
    assert retired_pools(before, before, ["converter"]) == {"pool"}
    assert retired_pools(before, before, ["watcher"]) == set()
    assert retired_pools(elsewhere, elsewhere, ["converter"]) == set(), "nothing is sent"
    assert retired_pools(before, elsewhere) == {"pool"}
    assert moved(before.graph, elsewhere.graph) == {"converter"}
    assert retired_pools(before, without) == {"pool"}
