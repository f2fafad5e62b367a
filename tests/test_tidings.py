"""What one launcher tells another is read as from somebody who may say anything."""

import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from bus.header import Malformed
from host.graph import Graph
from host.link.clocks import Reading
from host.link.tidings import MAX_BODY, MAX_JSON, OtherVersion, Passed, Tidings, body, head, read
from host.view.facts import STATUS, fitted
from tests.graphs import KEYS, loaded

HOSTS = ("robot", "station", "desk")
RUN = "0123456789ab"


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    lines = [f'{name}: {{key: "{KEYS[0]}", address: 10.0.0.{number}}}' for number, name in enumerate(HOSTS)]
    nodes = (
        "camera: {run: camera, host: robot, push: frames, args: {source: x, folder: spool}, replicas: 2}",
        "shrink: {run: shrink, host: station, pull: frames, push: small}",
        "show: {run: show, host: desk, pull: small}",
    )
    wires = 'wires: {frames: {address: "tcp://station:5560"}, small: {address: "tcp://desk:5560"}}'
    return loaded(tmp_path, *nodes, more=f"hosts: {{{', '.join(lines)}}}\n{wires}")


def status(host: str, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {**fitted({}, STATUS), "version": 1, "host": host, "run": RUN, "state": "runs"}
    return {**made, **changes}


def message(content: Any, **header: Any) -> list[bytes]:
    top = {**json.loads(head(1, 2, 3, False)), **header}
    return [json.dumps(top).encode(), zlib.compress(json.dumps(content).encode())]


def node(name: str, *replicas: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "replicas": [{"name": one, "state": "runs"} for one in replicas], **more}


def test_what_is_said_is_what_is_read(graph: Graph) -> None:
    other = Passed("desk", 1.5, Reading(0.25, 0.01, 0.02), status("desk"))
    parts = [head(1, 2, 3, True), body(status("station"), [other])]
    assert read(parts, "station", graph) == Tidings(1, 2, 3, True, status("station"), [other])


def test_a_launcher_that_has_no_status_yet_says_so(graph: Graph) -> None:
    assert read([head(1, 0, 0, False), body(None, [])], "station", graph).status is None


def test_it_is_a_tenth_of_the_bytes_on_the_way(graph: Graph) -> None:
    nodes = [node("camera", "camera.1", "camera.2", words="x")] * 40
    assert len(body(status("robot", nodes=nodes), [])) < len(json.dumps(nodes)) / 10


def test_of_what_would_be_too_long_the_others_are_left_out_first_and_then_all(graph: Graph) -> None:
    long = status("desk", graph="x" * MAX_JSON)
    parts = [head(1, 2, 3, False), body(status("station"), [Passed("desk", 1.0, None, long)])]
    assert read(parts, "station", graph).others == []
    assert read(parts, "station", graph).status == status("station")
    assert read([head(1, 2, 3, False), body(long, [])], "desk", graph).status is None


GOOD: dict[str, Any] = {"status": None, "others": []}
DESK = {"host": "desk", "age": 1, "status": status("desk")}
BAD: dict[str, list[bytes]] = {
    "one part": [head(1, 2, 3, False)],
    "three parts": [*message(GOOD), b""],
    "no JSON": [b"\x80\x04pickle", b""],
    "a list": [b"[]", zlib.compress(b"{}")],
    "no version": message(GOOD, v="0"),
    "another kind": message(GOOD, kind="state"),
    "a time before all times": message(GOOD, sent=-1),
    "a time beyond all times": message(GOOD, sent=2**63),
    "half a time": message(GOOD, sent=1.5),
    "a number that is none": [head(1, 2, 3, False).replace(b"1", b"NaN"), zlib.compress(b"{}")],
    "a number of 5000 digits": [head(1, 2, 3, False).replace(b"1", b"1" * 5000), zlib.compress(b"{}")],
    "a long header": [head(1, 2, 3, False) + b" " * 70_000, zlib.compress(b"{}")],
    "no body": [head(1, 2, 3, False), b""],
    "half a body": [head(1, 2, 3, False), zlib.compress(json.dumps(GOOD).encode())[:-5]],
    "a long body": [head(1, 2, 3, False), bytes(MAX_BODY + 1)],
    "a body that grows": [head(1, 2, 3, False), zlib.compress(b" " * (MAX_JSON + 1000))],
    "a deep body": [head(1, 2, 3, False), zlib.compress(b"[" * 100_000)],
    "no others": message({"status": None}),
    "others that are a text": message({**GOOD, "others": ["desk"]}),
    "a status that is a list": message({**GOOD, "status": []}),
    "an empty status": message({**GOOD, "status": {}}),
    "a status of another host": message({**GOOD, "status": status("desk")}),
    "a status of this host": message({**GOOD, "status": status("robot")}),
    "a status whose nodes are a number": message({**GOOD, "status": status("station", nodes=5)}),
    "a passed one without an age": message({**GOOD, "others": [{"host": "desk"}]}),
    "a passed one from the future": message({**GOOD, "others": [{**DESK, "age": -5}]}),
    "a passed one of another host": message({**GOOD, "others": [{**DESK, "status": status("robot")}]}),
    "a clock of two numbers": message({**GOOD, "others": [{**DESK, "clock": [1, 2]}]}),
}


@pytest.mark.parametrize("parts", BAD.values(), ids=BAD.keys())
def test_what_is_malformed_is_refused(graph: Graph, parts: list[bytes]) -> None:
    with pytest.raises(Malformed):
        read(parts, "station", graph)


def test_another_version_is_no_fault(graph: Graph) -> None:
    with pytest.raises(OtherVersion, match="version 7 of the link"):
        read(message({"anything": 1}, v=7), "station", graph)


def test_a_bomb_costs_little_memory(graph: Graph) -> None:
    bomb = zlib.compress(bytes(500_000_000))
    tracemalloc.start()
    with pytest.raises(Malformed):
        read([head(1, 2, 3, False), bomb], "station", graph)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MAX_JSON


def test_hosts_that_are_none_of_the_graphs_or_the_sender_are_not_heard_of(graph: Graph) -> None:
    others = [{"host": name, "age": 1, "status": status("desk")} for name in ("../../etc/passwd", "station", 5, None)]
    assert read(message({"status": None, "others": others}), "station", graph).others == []


def test_nodes_replicas_and_wires_that_are_not_of_that_host_are_left_out(graph: Graph) -> None:
    said = status(
        "station",
        nodes=[
            node("shrink", "shrink.1", "shrink.2", "../x", "shrink.1", host="robot"),
            node("camera", "camera.1"),
            node("../../etc", "x"),
            "shrink",
            5,
        ],
        wires=[{"name": "frames"}, {"name": "small", "rate": 5}, {"name": "small"}, None],
        events=[[1.5, "shrink.1", "death", "words"], [1], ["x", 1, 2, 3], [1, "a", "b", {}]],
        surprise="x",
    )
    found = read(message({"status": said, "others": []}), "station", graph).status
    assert found
    assert [(one["name"], one["host"], [r["name"] for r in one["replicas"]]) for one in found["nodes"]] == [
        ("shrink", "station", ["shrink.1"])
    ]
    assert [wire["name"] for wire in found["wires"]] == ["small"]
    assert found["events"] == [[1.5, "shrink.1", "death", "words"]]
    assert "surprise" not in found
