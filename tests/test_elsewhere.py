"""What the launcher makes of what other hosts' launchers say, and of files that hold anything."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.marks import Marks
from host.failures import Failures
from host.link.elsewhere import Elsewhere
from host.runfolder import RunFolder
from host.view.facts import STATUS, fitted
from tests.graphs import KEYS, loaded

HOSTS = f'hosts: {{robot: {{key: "{KEYS[0]}"}}, station: {{key: "{KEYS[1]}", address: 10.0.0.7}}}}'
CAMERA = "camera: {run: camera, host: robot, push: frames, args: {source: x, folder: spool}, replicas: 2}"
SHRINK = "shrink: {run: shrink, host: station, pull: frames, push: small, replicas: 2}"
SHOW = "show: {run: show, host: robot, pull: small}"
WIRES_THERE = 'wires: {frames: {address: "tcp://station:5560"}}'
WIRES = 'wires: {frames: {address: "tcp://station:5560"}, small: {address: "tcp://station:5570"}}'


class Bench:
    """What the launcher on the station has."""

    def __init__(self, folder: Path, run: RunFolder) -> None:
        self.said: list[str] = []
        self.run = run
        (run.path / "hosts").mkdir()
        self.graph = loaded(folder, CAMERA, SHRINK, SHOW, more=f"{HOSTS}\n{WIRES}")
        self.elsewhere = Elsewhere(self.graph, "station", run, Failures(run), self.said.append)

    def hears(self, host: str, node: str, *states: str, age: float = 0.0) -> bool:
        """Let the launcher of `host` have said that the replicas of `node` are in these states, and look."""
        replicas = [
            {"name": f"{node}.{number}", "state": state, "words": "exited with 2"}
            for number, state in enumerate(states, 1)
        ]
        status = fitted({"host": host, "run": "x", "nodes": [{"name": node, "replicas": replicas}]}, STATUS)
        self.write(host, json.dumps({"received": time.time() - age, "status": status}).encode())
        return self.elsewhere.look()

    def write(self, host: str, content: bytes) -> None:
        (self.run.path / "hosts" / f"{host}.json").write_bytes(content)

    def knows(self, puller: str, pusher: str) -> bool:
        """Whether `puller` would learn that `pusher` has ended."""
        return Marks(self.run.path, puller).ended(pusher)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with RunFolder(Path("/somewhere/graph.yaml")) as run:
        yield Bench(tmp_path, run)


def test_one_that_failed_for_good_there_is_marked_for_those_who_pull_from_it_and_said_once(bench: Bench) -> None:
    assert bench.hears("robot", "camera", "runs", "failed")
    assert bench.hears("robot", "camera", "runs", "failed")
    assert bench.said == ["camera.2 on robot has failed for good: exited with 2"]
    assert bench.elsewhere.failed == ["camera.2 on robot"]
    assert bench.knows("shrink.1", "camera.2")
    assert not bench.knows("shrink.1", "camera.1")
    assert bench.elsewhere.over == set()


def test_a_node_with_no_replica_left_is_over_until_its_launcher_is_started_again(bench: Bench) -> None:
    bench.hears("robot", "camera", "ended", "failed")
    assert bench.elsewhere.over == {"camera"}
    bench.hears("robot", "camera", "starts", "starts")
    assert bench.elsewhere.over == set()
    assert bench.elsewhere.failed  # of that this run does not recover


@pytest.mark.parametrize("states", [["ended"], ["stopped", "rests"], []])
def test_a_node_of_which_less_is_known_is_not_over(bench: Bench, states: list[str]) -> None:
    bench.hears("robot", "camera", *states)
    assert bench.elsewhere.over == set()


def test_one_that_has_ended_there_is_known_to_have_ended_by_those_who_pull_from_it(bench: Bench) -> None:
    assert not bench.hears("robot", "camera", "ended", "runs")
    assert [bench.knows(puller, "camera.1") for puller in ("shrink.1", "shrink.2")] == [True, True]
    assert not bench.knows("shrink.1", "camera.2")
    assert not bench.knows("other.1", "camera.1")
    assert bench.said == []


def test_one_that_is_spare_there_is_waited_for_by_nobody_until_it_begins(bench: Bench) -> None:
    bench.hears("robot", "camera", "runs", "spare")
    assert bench.knows("shrink.1", "camera.2")
    assert bench.elsewhere.over == set()
    bench.hears("robot", "camera", "runs", "starts")
    assert not bench.knows("shrink.1", "camera.2")
    bench.hears("robot", "camera", "ended", "spare")
    assert bench.elsewhere.over == {"camera"}
    bench.hears("robot", "camera", "spare", "spare")
    assert bench.elsewhere.over == set()


def test_who_pushes_to_one_that_is_spare_there_does_not_wait_for_it_either(bench: Bench) -> None:
    bench.hears("robot", "show", "spare")
    assert bench.knows("shrink.1", "show.1")


def test_a_host_whose_nodes_feed_ours_may_have_failed_until_it_has_said_how_it_ended(bench: Bench) -> None:
    for state, may in (("runs", True), ("done", False), ("stops", True), ("failed", False), ("stopped", False)):
        bench.write("robot", json.dumps({"status": fitted({"host": "robot", "state": state}, STATUS)}).encode())
        bench.elsewhere.look()
        assert bench.elsewhere.may_have_failed == may, state


def test_a_host_that_feeds_nobody_else_waits_for_nobody_s_word(bench: Bench) -> None:
    graph = loaded(bench.run.path, CAMERA, SHRINK.replace(", push: small", ""), more=f"{HOSTS}\n{WIRES_THERE}")
    assert not Elsewhere(graph, "robot", bench.run, Failures(bench.run), bench.said.append).may_have_failed


def test_one_that_was_started_again_has_not_ended(bench: Bench) -> None:
    bench.hears("robot", "camera", "ended", "ended")
    bench.hears("robot", "camera", "starts", "ended")
    assert not bench.knows("shrink.1", "camera.1")
    assert bench.knows("shrink.1", "camera.2")


def test_what_a_puller_has_heard_itself_is_left_alone(bench: Bench) -> None:
    Marks(bench.run.path, "shrink.1").keep("camera.1", "9f")
    bench.hears("robot", "camera", "ended")
    bench.hears("robot", "camera", "starts")
    assert bench.knows("shrink.1", "camera.1")


@pytest.mark.parametrize("age", [6.0, 3600.0, -3600.0])  # this launcher was stopped, or its clock was set
def test_what_was_said_last_holds_however_long_ago_that_was(bench: Bench, age: float) -> None:
    assert bench.hears("robot", "camera", "failed", "ended", age=age)
    assert bench.knows("shrink.1", "camera.1")
    assert bench.knows("shrink.1", "camera.2")


def test_nodes_of_another_host_than_the_one_that_speaks_are_its_own_business(bench: Bench) -> None:
    assert not bench.hears("robot", "shrink", "failed", "failed")
    assert not bench.hears("robot", "nobody", "failed")
    assert bench.said == []


DAMAGED: list[Any] = [
    b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b"[" * 100_000, b'{"received": NaN}', b'{"received": 1e999}',
    b'{"received": "now", "status": {}}', b'{"received": 1, "status": {"nodes": 5}}', b'{"received": ' + b"9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_means_nothing(bench: Bench, content: bytes) -> None:
    bench.write("robot", content)
    assert not bench.elsewhere.look()
    assert bench.said == []


def test_replicas_that_are_none_of_the_nodes_mean_nothing(bench: Bench) -> None:
    nodes = [{"name": "camera", "replicas": [{"name": name, "state": "failed"} for name in ("../x", "camera.3", 5)]}]
    bench.write("robot", json.dumps({"received": time.time(), "status": {"nodes": [*nodes, 5, None]}}).encode())
    assert not bench.elsewhere.look()


def test_a_folder_in_the_place_of_a_file_means_nothing(bench: Bench) -> None:
    (bench.run.path / "hosts" / "robot.json").mkdir()
    assert not bench.elsewhere.look()


def test_the_end_is_told_as_soon_as_that_can_be_written(bench: Bench) -> None:
    in_the_way = bench.run.path / "shrink.1.heard.camera.1.fresh"
    in_the_way.mkdir()
    bench.hears("robot", "camera", "ended")
    assert [bench.knows(puller, "camera.1") for puller in ("shrink.1", "shrink.2")] == [False, True]
    in_the_way.rmdir()
    bench.hears("robot", "camera", "ended", age=60)
    assert bench.knows("shrink.1", "camera.1")


def test_of_a_pool_its_holder_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    hosts = HOSTS.replace('", address', '", port: 5550, address').replace(
        "}}", f'}}, pool: {{ray: auto, key: "{KEYS[1]}"}}}}'
    )
    camera = CAMERA.replace("host: robot", "host: station")
    middle = "middle: {run: shrink, host: pool, pull: frames, push: more, replicas: 2}"
    wires = WIRES.replace("small:", 'more: {address: "tcp://station:5580"}, small:')
    nodes = (camera, middle, SHRINK.replace("pull: frames", "pull: more"), SHOW)
    with RunFolder(Path("/somewhere/graph.yaml")) as run:
        (run.path / "hosts").mkdir()
        graph = loaded(tmp_path, *nodes, more=f"{hosts}\n{wires}")
        elsewhere = Elsewhere(graph, "robot", run, Failures(run), lambda words: None)
        replicas = [{"name": f"middle.{number}", "state": "failed", "words": "exited with 2"} for number in (1, 2)]
        status = fitted({"host": "station", "nodes": [{"name": "middle", "replicas": replicas}]}, STATUS)
        (run.path / "hosts" / "station.json").write_text(json.dumps({"received": time.time(), "status": status}))

        assert elsewhere.look()
    assert elsewhere.failed == ["middle.1 on station", "middle.2 on station"]
    assert elsewhere.over == {"middle"}
