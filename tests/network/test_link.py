"""Launchers on two machines tell each other how they are, over a network as networks are."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import until
from tests.launch import EVER, Launch
from tests.linked import HOSTS, Linked
from tests.network.faults import cut, cut_one_way, cut_ports, delayed, reset
from tests.network.hosts import Host, hosts
from tests.test_clock import Clock

PORT = 5560
AHEAD = 1000  # seconds that the station's clock is ahead

Three = tuple[Host, Host, Host]


@pytest.fixture(scope="module")
def three() -> Iterator[Three]:
    with hosts(*HOSTS) as (robot, station, desk):
        yield robot, station, desk


@pytest.fixture
def linked(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, three: Three, monkeypatch: pytest.MonkeyPatch
) -> Linked:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    return Linked(tmp_path, PORT, three[1].address, {host.name: host.command([]) for host in three})


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    made = Clock(tmp_path_factory.mktemp("clock"))
    made.set(AHEAD)
    return made


def launch_all(linked: Linked, stack: ExitStack) -> dict[str, Launch]:
    return {name: stack.enter_context(linked.launch(name, *(EVER if name == "robot" else ()))) for name in HOSTS}


def heard_since(linked: Linked, pair: tuple[str, str], when: float) -> bool:
    age = linked.sees_of(*pair).get("age")
    return age is not None and time.time() - age > when


def received(linked: Linked) -> int:
    """How many frames the converter has received, as the robot knows."""
    nodes = linked.sees("robot")["nodes"]
    return int(next(node["counters"].get("received", 0) for node in nodes if node["name"] == "converter"))


def all_pairs() -> list[tuple[str, str]]:
    return [(one, other) for one in HOSTS for other in HOSTS if one != other]


def test_a_host_that_falls_silent_is_shown_with_its_age_and_its_last_numbers_and_is_back_after_it(
    linked: Linked, three: Three, stack: ExitStack
) -> None:
    robot, station, _ = three
    launches = launch_all(linked, stack)
    linked.await_sight(*all_pairs())
    until(lambda: received(linked) > 0, 20, "frames at the converter, as the robot knows")
    with cut(robot, station):
        linked.await_sight(("robot", "station"), ("robot", "desk"), ("station", "robot"), state="silent")
        linked.await_sight(("desk", "robot"), state="silent")
        assert linked.sees_of("station", "desk")["state"] == "up"
        for host, other in (("robot", "station"), ("desk", "robot"), ("station", "robot")):
            assert linked.sees_of(host, other)["age"] > 5
            launches[host].says(f"link +\\| no word from {other} for 5 s", 5)
        assert received(linked) > 0
        assert next(node["age"] for node in linked.sees("robot")["nodes"] if node["name"] == "converter") > 5
    linked.await_sight(*all_pairs(), seconds=15)
    for host, other in (("robot", "station"), ("desk", "robot"), ("station", "robot")):
        launches[host].says(f"link +\\| {other} is back after \\d+ s", 10)


@pytest.mark.parametrize("way", ["to the station", "to the robot"])
def test_a_network_that_is_cut_one_way_silences_both_ends_and_heals(
    linked: Linked, three: Three, stack: ExitStack, way: str
) -> None:
    robot, station, _ = three
    launches = launch_all(linked, stack)
    linked.await_sight(("robot", "station"), ("station", "robot"))
    with cut_one_way(robot, station) if way == "to the station" else cut_one_way(station, robot):
        linked.await_sight(("robot", "station"), ("station", "robot"), state="silent")
    linked.await_sight(("robot", "station"), ("station", "robot"), ("desk", "robot"), seconds=15)
    assert "refuses" not in launches["station"].output


def test_connections_that_are_reset_come_back_within_seconds(linked: Linked, three: Three, stack: ExitStack) -> None:
    launches = launch_all(linked, stack)
    linked.await_sight(*all_pairs())
    for _ in range(5):
        assert reset(three[0], three[1]) > 0
        time.sleep(0.3)
    over = time.time()
    for pair in (("robot", "station"), ("station", "robot")):
        until(partial(heard_since, linked, pair, over), 10, f"a word: {pair}")
    assert "no word" not in launches["robot"].output + launches["station"].output


@pytest.mark.parametrize(("seconds", "jitter"), [(0.01, 0.0), (0.1, 0.05)])  # each way: 20 ms, and 200 +- 100
def test_the_clock_of_another_host_is_known_within_what_is_said_of_it_whatever_the_delay(
    linked: Linked, three: Three, stack: ExitStack, clock: Clock, seconds: float, jitter: float
) -> None:
    with delayed(three[0], seconds, jitter):
        stack.enter_context(linked.launch("station", env=clock.env))
        stack.enter_context(linked.launch("robot", *EVER))
        stack.enter_context(linked.launch("desk"))
        seen = []
        for _ in range(12):
            for host, other, ahead in (("robot", "station", AHEAD), ("station", "robot", -AHEAD), ("desk", "robot", 0)):
                known = linked.await_clock(host, other)
                seen.append(known)
                assert abs(known["offset"] - ahead) <= known["uncertainty"], f"{other}, seen from {host}: {known}"
            time.sleep(0.5)
        last = linked.await_clock("robot", "station")
    assert last["round_trip"] >= 2 * (seconds - jitter)
    assert last["uncertainty"] < 2 * (seconds + jitter) + 0.2, last


def test_a_host_that_appears_late_is_waited_for(linked: Linked, three: Three, stack: ExitStack) -> None:
    robot = stack.enter_context(linked.launch("robot", *EVER))
    robot.says(r"link +\| no word from station for 5 s", 20)
    stack.enter_context(linked.launch("station"))
    linked.await_sight(("robot", "station"), ("station", "robot"))
    robot.says(r"link +\| station is up: ", 10)


def test_a_node_that_fails_for_good_while_the_network_is_cut_is_told_to_the_others_after_that(
    linked: Linked, three: Three, stack: ExitStack
) -> None:
    words = {"robot": (*EVER, "watcher.restart=never"), "station": (), "desk": ()}
    launches = {name: stack.enter_context(linked.launch(name, *words[name])) for name in HOSTS}
    linked.await_sight(("robot", "station"), ("station", "robot"))
    launches["robot"].says(r"watcher +\| ready")
    with cut(three[0], three[1]):
        launches["robot"].kill("watcher.1")
        launches["robot"].says("failed for good")
        time.sleep(8.0)  # longer than whoever was never there is waited for
    for name, launch in launches.items():
        assert launch.ends(60) == 1, f"{name}: {launch.output}"


def test_a_replica_that_could_not_hear_that_all_is_done_hears_it_from_the_launchers(
    linked: Linked, three: Three, stack: ExitStack
) -> None:
    with cut_ports(three[1], PORT + 2, PORT + 3):  # those of converter.2
        launches = {name: stack.enter_context(linked.launch(name)) for name in HOSTS}
        launches["robot"].says("could not tell converter.2 that it has ended", 80)
        for name, launch in launches.items():
            assert launch.ends(30) == 0, f"{name}: {launch.output}"
    assert linked.saved == linked.expected
    assert "converter.2 | ended" in launches["station"].output
