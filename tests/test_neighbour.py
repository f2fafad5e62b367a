"""What is believed of another host: its present run, and itself before those who only know of it."""

from typing import Any

import pytest

from host.link.attendance import AWAY
from host.link.clocks import Reading
from host.link.neighbour import EACH, FEW, LINES, LINGERING, Neighbour, duration, shown
from host.link.tidings import Passed, Tidings
from host.view.facts import STATUS, fitted

NS = 1_000_000_000


def status(run: str, began: float, **changes: Any) -> dict[str, Any]:
    return {**fitted({}, STATUS), "run": run, "began": began, "state": "runs", **changes}


def tidings(said: dict[str, Any] | None, echo: int = 0, last: bool = False) -> Tidings:
    return Tidings(sent=7 * NS, echo=echo, heard=5 * NS, last=last, status=said, others=[])


@pytest.fixture
def robot() -> Neighbour:
    return Neighbour("robot", 100.0)


def test_what_is_heard_of_an_earlier_run_late_is_not_believed(robot: Neighbour) -> None:
    assert robot.hear(tidings(status("two", 2000.0)), 1, 101.0)
    assert not robot.hear(tidings(status("one", 1000.0)), 1, 102.0)
    assert robot.run == "two"


def test_a_launcher_whose_clock_went_back_between_two_runs_is_believed_after_a_while(robot: Neighbour) -> None:
    robot.hear(tidings(status("one", 2000.0)), 1, 101.0)
    assert not robot.hear(tidings(status("two", 1000.0)), 1, 102.0)
    assert robot.hear(tidings(status("two", 1000.0)), 1, 101.0 + LINGERING)


@pytest.mark.parametrize(("state", "has_left"), [("runs", False), ("stops", False), ("failed", True), ("done", True)])
def test_one_that_was_through_and_is_silent_since_need_not_be_told_any_more(
    robot: Neighbour, state: str, has_left: bool
) -> None:
    robot.hear(tidings(status("one", 1.0, state=state)), 1, 101.0)
    robot.must_know(102.0)
    assert not robot.is_told(101.0 + AWAY)
    assert robot.is_told(101.1 + AWAY) == has_left


def test_the_clock_is_known_from_answers_to_what_was_said_last_alone(robot: Neighbour) -> None:
    robot.hear(tidings(status("one", 1.0), echo=4 * NS), 8 * NS, 101.0)
    assert robot.reading(101.0) is None
    robot.sent = 4 * NS
    robot.hear(tidings(status("one", 1.0), echo=4 * NS), 8 * NS, 102.0)
    reading = robot.reading(102.0)
    assert reading
    assert (reading.offset, reading.round_trip) == (0.0, 2.0)
    robot.hear(tidings(status("one", 1.0), echo=4 * NS), 9 * NS, 103.0)  # the same answer once more
    assert robot.reading(102.0) == reading


def test_a_host_that_is_heard_itself_is_not_heard_of_and_one_that_is_silent_is(robot: Neighbour) -> None:
    station = Neighbour("station", 100.0)
    robot.hear(tidings(status("one", 1.0, graph="itself")), 1, 110.0)
    passed = Passed("robot", 0.1, None, status("one", 1.0, graph="station"))
    assert not robot.hear_of(passed, station, 112.0)
    assert robot.hear_of(passed, station, 116.0)
    assert (robot.via, robot.status and robot.status["graph"]) == ("station", "station")
    robot.hear(tidings(status("one", 1.0, graph="itself")), 1, 116.1)
    assert (robot.via, robot.status and robot.status["graph"]) == ("", "itself")


def test_what_is_passed_on_is_as_old_as_it_is(robot: Neighbour) -> None:
    station = Neighbour("station", 100.0)
    assert robot.hear_of(Passed("robot", 3.0, None, status("one", 1.0)), station, 120.0)
    assert robot.heard == 117.0
    assert not robot.hear_of(Passed("robot", 4.0, None, status("one", 1.0)), station, 121.0)  # nothing new
    assert robot.hear_of(Passed("robot", 3.0, None, status("one", 1.0)), station, 121.0)


def test_what_was_said_before_this_launcher_began_is_not_passed_on_to_it(robot: Neighbour) -> None:
    station = Neighbour("station", 100.0)
    assert not robot.hear_of(Passed("robot", 6.0, None, status("one", 1.0, state="failed")), station, 105.0)
    assert robot.status is None


def test_that_all_is_done_on_a_host_is_passed_on_to_a_launcher_that_begins_later(robot: Neighbour) -> None:
    station = Neighbour("station", 100.0)
    done = status("one", 1.0, state="done")
    assert robot.hear_of(Passed("robot", 600.0, None, done), station, 105.0)
    assert (robot.run, robot.via, robot.heard) == ("one", "station", -495.0)
    assert not robot.hear_of(Passed("robot", 601.0, None, done), station, 106.0)  # nothing new
    assert [*robot.news({}, 130.0)] == [""]  # and it is missed by nobody
    assert robot.hear_of(Passed("robot", 0.1, None, status("two", 700.0)), station, 131.0)  # it was started again
    assert robot.run == "two"


def test_a_clock_by_way_of_another_host_is_the_sum_of_two(robot: Neighbour) -> None:
    station = Neighbour("station", 100.0)
    station.sent = 4 * NS
    station.hear(tidings(status("one", 1.0), echo=4 * NS), 8 * NS, 110.0)
    robot.hear_of(Passed("robot", 0.0, Reading(10.0, 0.5, 1.0), status("one", 1.0)), station, 110.0)
    reading = robot.reading(110.0)
    assert reading
    assert (reading.offset, reading.round_trip) == (10.0, 3.0)
    assert reading.uncertainty > 1.5


def test_who_says_more_than_it_may_is_not_read_until_later(robot: Neighbour) -> None:
    assert [robot.has_room(100.0) for _ in range(FEW + 3)] == [True] * FEW + [False] * 3
    assert [robot.has_room(101.0) for _ in range(6)] == [True] * 5 + [False]


def test_other_versions_are_said_once(robot: Neighbour) -> None:
    mine = {"wire": 0, "python": "3.11.7", "zeromq": "4.3.5"}
    theirs = {"wire": 1, "python": "3.12.1", "zeromq": "4.3.4"}
    robot.hear(tidings(status("one", 1.0, versions=theirs)), 1, 101.0)
    said = [line for _ in range(3) for line in robot.news(mine, 101.0) if line]
    assert said == [
        "robot has another version of the wire's protocol, 1; here it is 0",
        "robot has another version of Python, 3.12; here it is 3.11",
    ]


def test_who_makes_up_runs_and_versions_does_not_fill_the_log(robot: Neighbour) -> None:
    said = 0
    for number in range(1000):
        now = 101.0 + number * EACH
        versions = {"wire": number + 1, "python": f"{number}.1{'x' * 5000}", "zeromq": "4.3.5"}
        robot.hear(tidings(status(f"{number}", float(number), versions=versions)), 1, now)
        for line in filter(None, robot.news({"wire": 0, "python": "3.11.7"}, now)):
            assert len(line) < 200
            said += robot.may_be_said(now)
    assert said <= FEW + 1000 * EACH / LINES


def test_a_patch_of_python_is_no_other_version(robot: Neighbour) -> None:
    robot.hear(tidings(status("one", 1.0, versions={"wire": 0, "python": "3.11.9", "zeromq": ""})), 1, 101.0)
    assert [line for line in robot.news({"wire": 0, "python": "3.11.7"}, 101.0) if line] == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.00021, "0.21 ms"), (0.0342, "34 ms"), (0.2, "200 ms"), (1.44, "1.4 s"), (12.3, "12 s"), (3600.0, "3600 s")],
)
def test_times_are_said_with_two_digits_that_count(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_clock_is_said_with_how_far_off_that_can_be() -> None:
    assert shown(Reading(-0.0034, 0.0002, 0.001)) == "3.4 ms behind, give or take 0.2 ms"
