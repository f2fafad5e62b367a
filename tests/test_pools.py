"""A pool in a graph: whose launcher runs its nodes, and what their stand-ins are told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bus.link import Pipe
from host import beside, keyring, place
from host.command import STANDIN, Process, processes
from host.graph import Graph, GraphError
from host.plan import Wish
from host.reading import network
from tests.graphs import KEYS, loaded

RUN = Path("/run/zg")
POOL = f'pool: {{ray: auto, key: "{KEYS[1]}"}}'
STATION = f'station: {{key: "{KEYS[0]}", address: 10.0.0.7}}'
CAMERA = "camera: {run: camera, host: station, push: frames, args: {source: x}, replicas: 2}"
SHRINK = (
    "shrink: {run: shrink, host: pool, resources: {num_gpus: 0.5}, memory: 2GB, env: {LEVEL: 3}, pull: frames,"
    " push: small, args: {factor: 3}, replicas: 3}"
)
SHOW = "show: {run: show, host: station, pull: small}"
WIRES = 'wires: {frames: {address: "tcp://station:5560"}, small: {address: "tcp://station:5580"}}'


def graph(folder: Path, *nodes: str, hosts: str = f"{STATION}, {POOL}") -> Graph:
    return loaded(folder, *(nodes or (CAMERA, SHRINK, SHOW)), more=f"hosts: {{{hosts}}}\n{WIRES}")


def order(process: Process) -> dict[str, object]:
    found = json.loads(process.argv[5])
    assert isinstance(found, dict)
    return {**found, "argv": [*process.argv[6:]]}


def test_the_launcher_that_is_wired_to_it_runs_its_nodes(tmp_path: Path) -> None:
    found = graph(tmp_path)

    assert {node.name: found.launcher(node) for node in found.nodes.values()} == {
        "camera": "station",
        "shrink": "station",
        "show": "station",
    }
    assert [one.replica for one in processes(found, RUN, "station")] == [
        *("show.1", "shrink.1", "shrink.2", "shrink.3", "camera.1", "camera.2")
    ]
    assert place.only(found, "station", ["shrink"]) == {"shrink"}


def test_of_two_that_are_wired_to_it_the_first_in_the_graph_runs_it(tmp_path: Path) -> None:
    robot = f'robot: {{key: "{KEYS[0]}", address: 10.0.0.8}}'
    show = SHOW.replace("station", "robot")
    wires = WIRES.replace("station:5580", "robot:5580")
    found = loaded(tmp_path, CAMERA, SHRINK, show, more=f"hosts: {{{robot}, {POOL}, {STATION}}}\n{wires}")

    assert found.launcher(found.nodes["shrink"]) == "robot"
    assert [one.replica for one in processes(found, RUN, "station")] == ["camera.1", "camera.2"]
    assert [one.name for one in network.linked(found)] == []  # nobody has a port


def test_a_pool_has_no_launcher_to_link_with(tmp_path: Path) -> None:
    robot = f'robot: {{key: "{KEYS[0]}"}}'
    station = STATION.replace("address", "port: 5550, address")
    camera = CAMERA.replace("host: station", "host: robot")
    relay = "relay: {run: shrink, host: station, pull: frames, push: middle}"
    shrink = SHRINK.replace("pull: frames", "pull: middle")
    wires = WIRES.replace("small:", 'middle: {address: "tcp://station:5570"}, small:')
    found = loaded(tmp_path, camera, relay, shrink, SHOW, more=f"hosts: {{{robot}, {station}, {POOL}}}\n{wires}")

    assert [one.name for one in network.linked(found)] == ["robot", "station"]


def test_a_stand_in_is_told_what_the_machine_needs_to_know(tmp_path: Path) -> None:
    found = {one.replica: one for one in processes(graph(tmp_path), RUN, "station", trace=True)}["shrink.2"]
    told = order(found)

    assert found.argv[1:5] == ("-I", "-S", str(STANDIN), "/run/zg/pool.pool")
    assert {name: value for name, value in told.items() if name != "argv"} == {
        "replica": "shrink.2",
        "pool": "pool",
        "is_module": True,
        "env": ["LEVEL"],
        "folder": str(tmp_path),
        "key": KEYS[1],
        "resources": {"num_gpus": 0.5},
        "memory": 2_000_000_000,
        "stall": None,
        "pushers": ["camera.1", "camera.2"],
    }
    assert found.env == {"LEVEL": "3"}
    assert found.outgoing == ("small",) and found.pipes == ()


def test_on_its_machine_runs_the_nodes_own_command_line(tmp_path: Path) -> None:
    found = {one.replica: one for one in processes(graph(tmp_path), RUN, "station")}["shrink.2"]
    words = order(found)["argv"]
    assert isinstance(words, list)
    ends = [Pipe.parse(word.partition("=")[2]) for word in words if word.startswith(("--pull=", "--push="))]

    assert [word for word in words if not word.startswith(("--pull=", "--push="))] == [
        *("-m", "shrink", "--name=shrink.2", "--factor=3")
    ]
    assert found.there == ("python", *words)
    assert [(end.wire, end.peer, end.data, end.bind, end.key) for end in ends] == [
        ("frames", "camera.1", "tcp://10.0.0.7:5562", False, KEYS[0]),
        ("frames", "camera.2", "tcp://10.0.0.7:5568", False, KEYS[0]),
        ("small", "show.1", "tcp://10.0.0.7:5582", False, KEYS[0]),
    ]


def test_a_command_is_not_run_by_python(tmp_path: Path) -> None:
    shrink = "shrink: {command: [./shrink, --fast], host: pool, pull: frames, push: small}"
    found = {one.replica: one for one in processes(graph(tmp_path, CAMERA, shrink, SHOW), RUN, "station")}["shrink.1"]

    assert order(found)["is_module"] is False
    assert found.there[:3] == ("./shrink", "--fast", "--name=shrink.1")


def test_the_same_graph_runs_with_a_plain_host_in_its_place(tmp_path: Path) -> None:
    found = graph(tmp_path, hosts=f"{STATION}, {POOL.replace('ray: auto, ', '')}")

    assert [one.replica for one in processes(found, RUN, "pool")] == ["shrink.1", "shrink.2", "shrink.3"]
    assert not any(one.there for one in processes(found, RUN))


def test_each_pool_on_which_something_is_to_run_has_a_placer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = graph(tmp_path)
    words = beside.programs(found, RUN, "station", ["shrink.factor=2"], "", ["pool"])["pool"]

    assert words[1:] == [
        "-m",
        "host.pool",
        str(tmp_path / "graph.yaml"),
        f"--run={RUN}",
        "--host=pool",
        "shrink.factor=2",
    ]
    wish = Wish(tmp_path / "graph.yaml", host="station", only=["shrink"])
    assert [*wish.plan(RUN, found).companions] == ["pool"]
    monkeypatch.setattr(keyring, "check", lambda *_: None)  # it is no key of ours
    assert [*replace(wish, only=["show"]).plan(RUN, found).companions] == []


def test_this_machine_is_no_pool(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"pool is a pool: .* the launcher on station runs its nodes"):
        place.here(graph(tmp_path), "pool")


def test_a_pool_whose_socket_would_have_too_long_a_path_is_refused(tmp_path: Path) -> None:
    name = "p" * 100
    shrink = SHRINK.replace("host: pool", f"host: {name}")
    found = graph(tmp_path, CAMERA, shrink, SHOW, hosts=f"{STATION}, {POOL.replace('pool:', f'{name}:')}")

    with pytest.raises(GraphError, match="would need the socket /run/zg/pppp"):
        processes(found, RUN)
