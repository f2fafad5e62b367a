"""What is said of a launcher on another host, and when."""

import pytest

from host.link.attendance import Attendance

FACTS = "Python 3.11.7"


@pytest.fixture
def station() -> Attendance:
    return Attendance("station", now=100.0)


def test_one_that_is_there_is_said_to_be_up_once_when_all_is_known_of_it(station: Attendance) -> None:
    assert station.look(101.0, "run", "", 101.0) == ""
    assert station.look(102.0, "run", FACTS, 102.0) == f"station is up: {FACTS}"
    assert station.look(103.0, "run", FACTS, 103.0) == ""


def test_one_that_never_comes_is_missed_once_after_five_seconds(station: Attendance) -> None:
    assert station.look(-1e9, "", "", 104.9) == ""
    assert station.look(-1e9, "", "", 105.0) == "no word from station for 5 s"
    assert station.look(-1e9, "", "", 205.0) == ""
    assert station.look(300.0, "run", FACTS, 300.0) == f"station is up: {FACTS}"


def test_one_that_falls_silent_is_missed_once_and_said_to_be_back_after_how_long(station: Attendance) -> None:
    station.look(101.0, "run", FACTS, 101.0)
    assert station.look(101.0, "run", FACTS, 106.0) == "no word from station for 5 s"
    assert station.look(101.0, "run", FACTS, 107.0) == ""
    assert station.look(113.0, "run", FACTS, 113.1) == "station is back after 12 s"
    assert station.look(114.0, "run", FACTS, 114.1) == ""


def test_one_that_was_started_again_is_said_to_be_up_again(station: Attendance) -> None:
    station.look(101.0, "one", FACTS, 101.0)
    assert station.look(103.0, "two", FACTS, 103.0) == f"station is up: {FACTS}"
    station.look(103.0, "two", FACTS, 110.0)
    assert station.look(111.0, "three", FACTS, 111.0) == f"station is up: {FACTS}"


def test_one_that_has_said_goodbye_is_not_missed_and_is_up_when_it_comes_again(station: Attendance) -> None:
    station.look(101.0, "one", FACTS, 101.0)
    assert station.gone("all done", 102.0) == "station has gone: all done"
    assert station.gone("all done", 150.0) == ""
    assert station.look(151.0, "two", FACTS, 151.0) == f"station is up: {FACTS}"
