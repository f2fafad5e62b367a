"""One graph over two hosts: a launcher on each, in any order, encrypted, and nothing is lost between them."""

import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from tests.conftest import until
from tests.launch import ROOT, Launch
from tests.two_hosts import HOSTS, TwoHosts


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody has now, below those that the system gives to anyone."""
    for first in range(20_000 + count * (hash(Path.cwd()) % 7), 32_000, count):
        with ExitStack() as tried:
            try:
                for port in range(first, first + count):
                    tried.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


@pytest.fixture
def two(tmp_path: Path, worker_id: str) -> TwoHosts:
    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    return TwoHosts(tmp_path, 20_000 + 500 * number + free_ports(8) % 500)


def launcher(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("first", HOSTS)
def test_both_launchers_end_when_all_is_done_whichever_starts_first(two: TwoHosts, first: str) -> None:
    places = sorted([two.robot, two.station], key=lambda place: place.name != first)
    with Launch(places[0]) as one:
        one.says("ready")
        with Launch(places[1]) as other:
            assert (one.ends(60), other.ends(60)) == (0, 0), one.output + other.output
            assert f"graph.yaml on {first}: " in one.output
    assert two.results == two.expected
    assert two.left == []


@pytest.mark.parametrize("victim", ["watcher.1", "converter.1", "robot", "station"])
def test_nothing_is_lost_or_there_twice_when_either_side_is_killed(two: TwoHosts, victim: str) -> None:
    with ExitStack() as stack:
        graphs = {place.name: stack.enter_context(Launch(place)) for place in (two.robot, two.station)}
        until(lambda: len(two.results) > 5, 30, "the first results")
        if victim in HOSTS:
            graphs[victim].process.kill()
            graphs[victim].process.wait()
            place = graphs[victim].folder
            graphs[victim] = stack.enter_context(Launch(place))
        else:
            graphs["robot" if victim == "watcher.1" else "station"].kill(victim)
        ends = {name: graph.ends(60) for name, graph in graphs.items()}
        assert ends == {"robot": 0, "station": 0}, "".join(graph.output for graph in graphs.values())
    assert two.results == two.expected
    assert two.left == []


def test_copies_of_the_graph_that_differ_say_so_on_both_sides_and_name_the_difference(two: TwoHosts) -> None:
    two.write("station", replicas=1)
    with Launch(two.robot) as robot, Launch(two.station) as station:
        mine, theirs = (re.escape(f"watcher x 1 > converter x {count}; keep: all") for count in (2, 1))
        robot.says(f'the wire "frames" waits: graph.yaml says "{mine}" here, and "{theirs}" where converter.1 runs')
        station.says(f'the wire "frames" waits: graph.yaml says "{theirs}" here, and "{mine}" where watcher.1 runs')
        assert two.results == []
        station.interrupt()
        station.ends(20)
        two.write("station")
        with Launch(two.station) as equal:
            assert (robot.ends(60), equal.ends(60)) == (0, 0), robot.output + equal.output
    assert two.results == two.expected


def test_each_end_says_that_the_other_is_out_of_reach_and_that_it_is_back(two: TwoHosts) -> None:
    with Launch(two.robot) as robot:
        robot.says('watcher +\\| no word from converter.1 for 5 s: waits for it on "frames"', 20)
        with Launch(two.station) as station:
            robot.says('watcher +\\| converter.1 is in reach after \\d+ s on "frames"', 20)
            assert (robot.ends(60), station.ends(60)) == (0, 0), robot.output + station.output
            assert "no word" not in station.output
    with Launch(two.station) as alone:
        alone.says('converter.2 +\\| no word from watcher.1 for 5 s: waits for it on "frames"', 20)


def test_a_pusher_that_dies_while_it_says_that_it_has_ended_says_it_in_its_next_life(two: TwoHosts) -> None:
    with Launch(two.station) as station, Launch(two.robot, "watcher.restart=on-failure") as robot:
        until(lambda: len(two.results) == two.frames, 60, "all results")
        robot.kill("watcher.1")
        assert (robot.ends(60), station.ends(60)) == (0, 0), robot.output + station.output


def test_a_wire_without_keys_is_open_only_if_the_graph_says_so_and_each_start_says_it(two: TwoHosts) -> None:
    for name in HOSTS:
        two.write(name, insecure=True)
    with Launch(two.robot, "--host", "robot") as robot, Launch(two.station, "--host=station") as station:
        assert (robot.ends(60), station.ends(60)) == (0, 0), robot.output + station.output
        for graph in (robot, station):
            assert 'the wire "frames" is open to everybody who can reach it (insecure: true)' in graph.output
    assert two.results == two.expected


def test_a_host_is_told_from_its_key_or_else_from_its_address_or_else_by_name(two: TwoHosts) -> None:
    (two.robot / "keys" / "robot.key").rename(two.robot / "aside")
    assert 'keys/station.key: the private key of "station" is not on this' in launcher(two.robot).stderr  # its address
    two.address = "10.255.255.1"
    two.write("robot")
    assert (
        "runs on robot and station: say which of them this machine is, with --host robot" in launcher(two.robot).stderr
    )
    assert 'no node runs on the host "robott". Did you mean "robot"?' in launcher(two.robot, "--host=robott").stderr
    assert 'keys/robot.key: the private key of "robot" is not on' in launcher(two.robot, "--host=robot").stderr


def test_a_key_that_others_can_read_or_that_is_not_the_graphs_is_refused(two: TwoHosts) -> None:
    key = two.robot / "keys" / "robot.key"
    key.chmod(0o644)
    assert "can be read by others (0644): a private key must be 0600. chmod 600" in launcher(two.robot).stderr
    key.unlink()
    printed = launcher(two.robot, "keys", "robot").stdout
    [public] = re.findall(r'  robot: \{key: "(.{40})"\}', printed)
    assert f"does not belong to {key}: its own is {public}" in launcher(two.robot).stderr
    two.keys["robot"] = public
    two.write("robot")
    assert launcher(two.robot, "check").returncode == 0
    assert launcher(two.robot, "keys", "robot").stdout == printed  # it stays
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert key.read_text().strip() not in printed


def test_a_robot_whose_key_is_refused_says_so_and_is_let_in_once_the_station_has_it(two: TwoHosts) -> None:
    right, wrong = two.keys["robot"], zmq.curve_keypair()[0].decode()
    two.keys["robot"] = wrong
    two.write("station")
    with Launch(two.robot) as robot:
        with Launch(two.station) as station:
            robot.says(
                r"watcher +\| converter\.1 at tcp://127\.0\.0\.1:\d+ cannot be reached: this host's key is refused: "
            )
            station.says(
                r"refuses a connection whose key is not the one of this wire on \"frames\", where watcher.1 is let"
            )
            station.interrupt()
            station.ends(20)
        two.keys["robot"] = right
        two.write("station")
        with Launch(two.station) as mended:
            assert (robot.ends(60), mended.ends(60)) == (0, 0), robot.output + mended.output
    assert two.results == two.expected
    assert two.left == []


def test_a_port_that_another_process_has_is_named_with_what_to_do(two: TwoHosts) -> None:
    with socket.create_server(("127.0.0.1", two.port)), Launch(two.station) as station:
        station.says(
            f"cannot use tcp://127.0.0.1:{two.port}: Address already in use. Port {two.port} belongs to another "
            f"process, which `ss -ltnp 'sport = :{two.port}'` names: end that one, or choose another port in"
        )


def test_print_shows_one_host_if_it_is_named_and_check_looks_at_all(two: TwoHosts) -> None:
    both, robot, station = (
        launcher(two.robot, "print", *words).stdout for words in ((), *(("--host", name) for name in HOSTS))
    )
    assert both == robot + station
    assert "nodes.watcher" in robot and "nodes.converter" not in robot
    assert 'no node runs on the host "robott"' in launcher(two.robot, "print", "--host=robott").stderr
    refused = launcher(two.robot, "check", "--host=robot")
    assert refused.returncode == 2
    assert "--host goes with running the graph, print, unit and status; check looks at all hosts" in refused.stderr


def test_some_nodes_alone_can_be_started(two: TwoHosts) -> None:
    with Launch(two.robot, "--only=splitter") as robot:
        robot.says("runs .*graph.yaml on robot: splitter;")
        robot.interrupt()
        robot.ends(20)
    assert 'no node "converter" runs here on robot' in launcher(two.robot, "--only=converter").stderr
