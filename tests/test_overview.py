"""The whole graph, as one host's launcher and the letters of the others tell it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from host.graph import Graph, load
from host.runfolder import RunFolder, lock
from host.view import overview
from host.view.facts import NODE, STATUS, WIRE, fitted
from tests.two_hosts import TwoHosts


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    hosts = TwoHosts(tmp_path, 5560)
    return load(hosts.robot / "graph.yaml")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run" / "hosts").mkdir(parents=True)
    return tmp_path / "run"


def status(graph: Graph, host: str, **more: Any) -> dict[str, Any]:
    """What the launcher of `host` says of nodes that have done nothing yet."""
    nodes = [
        {
            **fitted({"name": one.name, "host": one.host, "launcher": one.host}, NODE),
            "state": "runs" if one.host == host else "elsewhere",
        }
        for one in graph.nodes.values()
    ]
    wires = [
        fitted({"name": one.name, "from": [*one.pushers], "to": one.puller, "here": host == "robot"}, WIRE)
        for one in graph.wires.values()
    ]
    return {
        **fitted({}, STATUS),
        "host": host,
        "state": "runs",
        "nodes": nodes,
        "wires": wires,
        "at": time.time(),
        **more,
    }


def write(run: Path, ours: dict[str, Any], theirs: object = None, age: float = 0.0) -> None:
    (run / "status.json").write_text(json.dumps(ours))
    letter = {"received": time.time() - age, "via": "", "offset": 0.0, "status": theirs}
    (run / "hosts" / "station.json").write_text(json.dumps(letter))


def node(seen: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in seen["nodes"] if one["name"] == name)


def test_a_host_that_has_said_nothing_is_unknown_and_its_nodes_are_elsewhere(graph: Graph, run: Path) -> None:
    (run / "status.json").write_text(json.dumps(status(graph, "robot")))
    seen = overview.read(run)
    assert [(host["name"], host["state"]) for host in seen["hosts"]] == [("robot", "here"), ("station", "unknown")]
    assert node(seen, "converter")["state"] == "elsewhere"


def test_another_hosts_nodes_come_from_its_letter_and_its_sums_are_added(graph: Graph, run: Path) -> None:
    theirs = status(graph, "station", rate=2.0)
    node(theirs, "converter")["counters"] = {"received": 7}
    theirs["sums"]["done"] = 3
    ours = status(graph, "robot", rate=1.5)
    ours["sums"]["done"] = 4
    write(run, ours, theirs)

    seen = overview.read(run)

    assert node(seen, "converter")["counters"] == {"received": 7}
    assert 0 <= node(seen, "converter")["age"] < 5
    assert seen["sums"]["done"] == 7
    assert seen["rate"] == 3.5
    assert seen["hosts"][1]["state"] == "up"
    assert seen["hosts"][1]["offset"] == 0.0


def test_a_host_from_which_nothing_comes_is_silent_and_its_nodes_keep_their_last_numbers(
    graph: Graph, run: Path
) -> None:
    theirs = status(graph, "station")
    node(theirs, "converter")["counters"] = {"received": 7}
    write(run, status(graph, "robot"), theirs, age=6.0)
    seen = overview.read(run)
    assert seen["hosts"][1]["state"] == "silent"
    assert node(seen, "converter")["counters"] == {"received": 7}
    assert node(seen, "converter")["age"] >= 6.0


def test_a_launcher_that_hangs_is_silent_although_its_link_goes_on(graph: Graph, run: Path) -> None:
    write(run, status(graph, "robot"), status(graph, "station", at=time.time() - 8))
    seen = overview.read(run)
    assert [host["state"] for host in seen["hosts"]] == ["here", "silent"]
    write(run, status(graph, "robot", at=time.time() - 8), status(graph, "station"))
    assert [host["state"] for host in overview.read(run)["hosts"]] == ["silent", "up"]


def test_what_happened_on_all_hosts_stands_in_order_by_our_clock(graph: Graph, run: Path) -> None:
    there = [[1030.0, "converter.1", "death", "was killed"], [1010.0, "graph", "graph", "runs"], [1], ["x", 2, 3, None]]
    write(run, status(graph, "robot", events=[[1002.0, "watcher", "ready", "is ready"]]))
    letter = {"received": time.time(), "offset": 10.0, "status": status(graph, "station", events=there)}
    (run / "hosts" / "station.json").write_text(json.dumps(letter))

    happened = overview.read(run)["events"]

    assert [event for event in happened if event[1].strip() != "on station"] == [
        [1000.0, "graph on station", "graph", "runs"],
        [1002.0, "watcher", "ready", "is ready"],
        [1020.0, "converter.1 on station", "death", "was killed"],
    ]


def test_a_host_speaks_for_its_own_nodes_and_wires_alone(graph: Graph, run: Path) -> None:
    theirs = status(graph, "station")
    node(theirs, "watcher").update(state="runs", counters={"done": 999})
    theirs["wires"][1].update(here=True, sent=999)
    node(theirs, "converter").update(host="robot", pulls=["<script>"])
    write(run, status(graph, "robot"), theirs)
    seen = overview.read(run)
    assert node(seen, "watcher")["counters"] == {}
    assert [wire["sent"] for wire in seen["wires"]] == [0, 0]
    assert node(seen, "converter")["host"] == "station"
    assert node(seen, "converter")["pulls"] == []  # as this host's launcher has it


@pytest.mark.parametrize(
    "theirs",
    [
        None,
        [],
        {"nodes": {}, "wires": 7},
        {"nodes": [None, {"name": ["converter"]}, {"name": "converter", "state": 1, "rates": []}]},
        {"sums": {"done": "many", "dead": 1e400, "taken": 2**70}, "rate": None, "machine": {"cores": True}},
    ],
)
def test_what_makes_no_sense_counts_as_not_said(graph: Graph, run: Path, theirs: object) -> None:
    write(run, status(graph, "robot"), theirs)
    seen = overview.read(run)
    assert seen["sums"]["done"] == seen["sums"]["dead"] == seen["sums"]["taken"] == 0
    assert json.loads(json.dumps(seen, allow_nan=False))


@pytest.mark.parametrize("text", ["", "[1]", '{"received": NaN}', "[" * 100_000])
def test_a_letter_that_is_none_counts_as_not_there(graph: Graph, run: Path, text: str) -> None:
    write(run, status(graph, "robot"))
    (run / "hosts" / "station.json").write_text(text)
    assert overview.read(run)["hosts"][1]["state"] in ("unknown", "silent")


def test_the_run_folder_of_a_graph_is_found_while_its_launcher_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / "graph.yaml"
    assert overview.running(path) is None
    with RunFolder(path) as folder:
        assert overview.running(path) == folder.path
        assert overview.running(path, "robot") is None
        assert overview.running(tmp_path / "other.yaml") is None
    assert overview.running(path) is None


def test_what_a_killed_launcher_has_left_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / "graph.yaml"
    with RunFolder(path) as folder:
        (lock(path) / "pid").write_text("1")  # somebody else has the pid now
        assert overview.running(path) is None
        (lock(path) / "pid").write_text(str(2**22 + 1))  # nobody has
        assert overview.running(path) is None
        assert folder.path.exists()
