"""Launchers on several hosts tell each other how they are: real ones, on one machine."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import until
from tests.launch import EVER, Launch
from tests.linked import HOSTS, Linked, ports
from tests.test_clock import HOUR, Clock

MANY = 120  # frames of the test camera, ten a second: 12 s
CAMERA = ("splitter.source=test", "splitter.size=160x90", "splitter.rate=10", f"splitter.limit={MANY}")
HOPELESS = "saver.folder=${NOT_SET}"  # no life of it can work


@pytest.fixture
def linked(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> Linked:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    return Linked(tmp_path, ports(18_000, worker_id))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def launch_all(linked: Linked, stack: ExitStack, *words: str) -> dict[str, Launch]:
    return {name: stack.enter_context(linked.launch(name, *(words if name == "robot" else ()))) for name in HOSTS}


def shows_all_at_work(linked: Linked, host: str) -> bool:
    *others, sink = linked.sees(host)["nodes"]
    return all(node["state"] == "runs" and node["counters"]["sent"] for node in others) and sink["state"] == "runs"


def output(launches: dict[str, Launch]) -> str:
    return "".join(launch.output for launch in launches.values())


def test_each_of_three_launchers_shows_the_whole_graph_and_all_hosts(linked: Linked, stack: ExitStack) -> None:
    launches = launch_all(linked, stack, *EVER)
    linked.await_sight(*((one, other) for one in HOSTS for other in HOSTS if one != other))
    assert [linked.sees_of(*pair)["via"] for pair in (("robot", "station"), ("robot", "desk"), ("desk", "robot"))] == [
        "", "station", "station",
    ]  # fmt: skip
    for host in HOSTS:
        until(partial(shows_all_at_work, linked, host), 20, f"all nodes, on {host}")
    launches["robot"].says(r"link +\| station is up: Python 3\.\S+, ZeroMQ \S+, its clock .* give or take \S+ ms")
    launches["robot"].says(r"link +\| desk is up: .*, by way of station")
    for name, launch in launches.items():
        launch.interrupt()
        assert launch.ends(30) == 0, name
    assert re.search(r"link +\| robot has gone: stopped", launches["station"].output)


def test_files_of_the_link_are_for_their_owner_alone(linked: Linked, stack: ExitStack) -> None:
    launch_all(linked, stack, *EVER)
    for other in ("robot", "desk"):
        linked.await_clock("station", other)
    run = linked.run("station")
    until((run / "clocks.json").exists, 10, "the clocks")
    found = {path.name: path.stat().st_mode & 0o777 for path in (run / "hosts").iterdir() if path.suffix == ".json"}
    assert found == {"robot.json": 0o600, "desk.json": 0o600}
    assert (run / "hosts").stat().st_mode & 0o777 == 0o700
    assert (run / "clocks.json").stat().st_mode & 0o777 == 0o600


def test_all_end_when_all_is_done_and_say_so(linked: Linked, stack: ExitStack) -> None:
    launches = launch_all(linked, stack)
    assert [launch.ends(60) for launch in launches.values()] == [0, 0, 0], output(launches)
    assert linked.saved == linked.expected
    assert not re.search(r"Traceback|link +\| (refuses|ignores)", output(launches))


@pytest.mark.parametrize("host", ["robot", "station"])
def test_a_link_that_is_killed_comes_back_and_costs_no_frame(linked: Linked, stack: ExitStack, host: str) -> None:
    launches = launch_all(linked, stack, *CAMERA)
    linked.await_sight(("robot", "desk"), ("desk", "robot"))
    killed = linked.link_pid(host)
    linked.kill_link(host)
    launches[host].says(r"link +\| was killed by SIGKILL, restarts")
    assert linked.link_pid(host) != killed
    assert [launch.ends(60) for launch in launches.values()] == [0, 0, 0], output(launches)
    assert linked.saved == [f"test-{number:08d}.jpg" for number in range(MANY)]
    assert f"converted {MANY}, dead letters 0, dropped 0, lost 0, waiting 0" in launches["robot"].output
    assert "restarts" not in re.sub(r"link +\|.*", "", output(launches))


def test_a_launcher_that_is_killed_is_missed_and_its_next_run_is_up(linked: Linked, stack: ExitStack) -> None:
    launches = launch_all(linked, stack, *EVER)
    linked.await_sight(("robot", "station"), ("desk", "station"), ("robot", "desk"))
    launches["station"].process.kill()
    launches["robot"].says(r"link +\| no word from station for 5 s", 20)
    launches["robot"].says(r"link +\| no word from desk for 5 s", 20)
    linked.await_sight(("robot", "station"), ("robot", "desk"), state="silent")
    assert linked.sees_of("robot", "station")["age"] > 5
    nodes = {node["name"]: node for node in linked.sees("robot")["nodes"]}
    assert nodes["converter"]["age"] > 5, "its last numbers are shown with their age"
    stack.enter_context(linked.launch("station"))
    linked.await_sight(("robot", "station"), ("robot", "desk"))
    until(lambda: launches["robot"].output.count("station is up: ") == 2, 20, "that it is up again")
    launches["robot"].says(r"link +\| desk is back after \d+ s")


def test_a_source_that_fails_for_good_ends_the_nodes_downstream_on_other_hosts(
    linked: Linked, stack: ExitStack
) -> None:
    launches = launch_all(linked, stack, *EVER, "watcher.restart=never", "splitter.restart=never")
    until(lambda: len(linked.saved) > 5, 60, "the first results")
    launches["robot"].kill("watcher.1")
    for name in HOSTS:
        assert launches[name].ends(30) == 1, output(launches)
    for name in ("station", "desk"):
        assert "watcher.1 on robot has failed for good: was killed by SIGKILL, restart: never" in launches[name].output
        assert "graph       | failed because of watcher.1 on robot" in launches[name].output.replace(
            "graph |", "graph       |"
        )
    assert re.search(r"converter.1 \| ended", launches["station"].output), "it has drained"
    assert re.search(r"saver +\| ended", launches["desk"].output)


def test_a_sink_that_fails_for_good_stops_the_nodes_upstream_on_other_hosts_and_their_frames_wait(
    linked: Linked, stack: ExitStack
) -> None:
    launches = launch_all(linked, stack, *EVER)
    until(lambda: len(linked.saved) > 5, 60, "the first results")
    launches["desk"].interrupt()
    launches["desk"].ends(30)
    again = launches["desk"] = stack.enter_context(linked.launch("desk", "saver.restart=never"))
    until(lambda: len(linked.saved) > 20, 60, "more results")
    again.kill("saver.1")
    for name in HOSTS:
        assert launches[name].ends(30) == 1, output(launches)
    for name in ("station", "robot"):
        assert "saver.1 on desk has failed for good: was killed by SIGKILL" in launches[name].output
    assert re.search(r"converter.1 \| stopped", launches["station"].output)
    assert re.search(r"watcher +\| stopped", launches["robot"].output)
    assert [*(linked.folders["robot"] / "spool").rglob("*.jpg")]


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_clock_that_is_an_hour_off_is_seen_so_and_latencies_are_true_all_the_same(
    linked: Linked, stack: ExitStack, tmp_path_factory: pytest.TempPathFactory, ahead: int
) -> None:
    clock = Clock(tmp_path_factory.mktemp("clock"))
    clock.set(ahead)
    stack.enter_context(linked.launch("robot", *EVER))
    stack.enter_context(linked.launch("station", env=clock.env))
    stack.enter_context(linked.launch("desk"))
    seen = linked.await_clock("robot", "station")
    assert abs(seen["offset"] - ahead) <= seen["uncertainty"] < 1, seen
    through = linked.await_clock("desk", "robot")
    assert abs(through["offset"]) <= through["uncertainty"] < 1, through
    linked.await_clock("station", "desk")
    clocks = linked.run("station") / "clocks.json"
    until(lambda: json.loads(clocks.read_text()).keys() == {"splitter.1", "watcher.1", "saver.1"}, 20, "all clocks")
    assert abs(json.loads(clocks.read_text())["watcher.1"] / 1e9 - ahead) < 1
    status = linked.run("station") / "status.json"

    def age() -> float:
        nodes = {node["name"]: node for node in json.loads(status.read_text())["nodes"]}
        return float(nodes["converter"]["latency"]["age"]["now"]["p50"] or 0.0)

    until(lambda: 0.001 < age() < 30, 30, "an age of frames that is true")


def test_a_port_that_is_taken_is_said_and_tried_again(linked: Linked, stack: ExitStack) -> None:
    other = stack.enter_context(linked.launch("station"))
    linked.run("station")
    other.says("ready")
    before = linked.folders["desk"] / "graph.yaml"
    graph = json.loads(before.read_text())
    graph["hosts"]["desk"] |= {"address": "127.0.0.1", "port": linked.link}
    graph["hosts"]["station"]["address"] = "127.0.0.2"
    before.write_text(json.dumps(graph))
    desk = stack.enter_context(linked.launch("desk"))
    desk.says(r"link +\| cannot use tcp://127\.0\.0\.1:\d+: Address already in use")
    desk.says(r"link +\| exited with 1, restarts")


def test_a_node_that_fails_at_once_is_told_to_the_others_before_its_launcher_ends(
    linked: Linked, stack: ExitStack
) -> None:
    robot, station = (stack.enter_context(linked.launch(name)) for name in ("robot", "station"))
    linked.await_sight(("robot", "station"))
    desk = stack.enter_context(linked.launch("desk", HOPELESS))
    for launch in (desk, station, robot):
        assert launch.ends(60) == 1, launch.output
    for launch in (station, robot):
        assert "saver.1 on desk has failed for good: exited with 2" in launch.output


def test_a_launcher_that_fails_alone_waits_only_a_moment_for_the_others(linked: Linked, stack: ExitStack) -> None:
    desk = stack.enter_context(linked.launch("desk", HOPELESS))
    desk.says("failed for good")
    began = time.monotonic()
    assert desk.ends(30) == 1
    assert time.monotonic() - began < 15
