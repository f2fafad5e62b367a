"""The table below the log, on a terminal."""

import os
import time
from collections.abc import Iterator

import pytest

from host.view.output import ROOM
from host.view.report import GRAPH, Report
from host.view.screen import Screen, can_show
from tests.conftest import until
from tests.terminal import Terminal, texts

TABLE = ["node    rate", "camera  25/s"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    made = Terminal(40, 10)
    yield made
    made.close()


@pytest.fixture
def report(terminal: Terminal) -> Report:
    return Report([], terminal.inner, screen=Screen(terminal.inner))


def test_lines_go_above_the_table_which_stays_below_them(terminal: Terminal, report: Report) -> None:
    report.line(GRAPH, "one")
    report.show(TABLE)
    report.line(GRAPH, "two")
    report.line(GRAPH, "three")
    report.flush()
    screen = terminal.read()
    assert texts(screen) == ["one", "two", "three"]
    assert screen[3:] == [*TABLE, ""]


def test_the_table_is_replaced_and_never_stands_twice(terminal: Terminal, report: Report) -> None:
    for count in range(30):
        report.show([f"{count} of 30", *TABLE])
        report.line(GRAPH, f"line {count}")
        report.flush()
    screen = terminal.read()
    assert screen[-4:] == ["29 of 30", *TABLE, ""]
    assert texts([*terminal.scrolled, *screen]) == [f"line {count}" for count in range(30)]
    assert not [line for line in terminal.scrolled if " | " not in line]


def test_a_table_of_fewer_lines_leaves_nothing_of_the_larger_one(terminal: Terminal, report: Report) -> None:
    report.show([*TABLE, "more", "and more"])
    report.show(TABLE)
    assert terminal.read() == [*TABLE, ""]


def test_colours_take_no_room(terminal: Terminal, report: Report) -> None:
    report.show(["\x1b[32m" + "x" * 39 + "\x1b[0m"])
    report.show(["\x1b[32m" + "y" * 39 + "\x1b[0m"])
    assert terminal.read() == ["y" * 39, ""]


def test_lines_that_a_narrower_terminal_has_broken_in_two_are_taken_away_whole(
    terminal: Terminal, report: Report
) -> None:
    report.line(GRAPH, "one")
    report.show(["x" * 39, "y" * 10])
    terminal.read()
    terminal.resize(20, 10)
    assert report._screen is not None
    assert report._screen.lift().startswith("\x1b[3A")  # the first line is two now


def test_the_last_table_stays_below_the_last_line(terminal: Terminal, report: Report) -> None:
    report.show(TABLE)
    report.line(GRAPH, "all done")
    report.flush(1.0)
    assert texts(terminal.read())[-1:] == ["all done"]
    assert terminal.read()[1:] == [*TABLE, ""]


def test_a_terminal_that_nobody_reads_holds_nothing_up(terminal: Terminal, report: Report) -> None:
    began = time.monotonic()
    for count in range(3 * ROOM // 1000):
        report.show([*TABLE, str(count)])
        report.line(GRAPH, "x" * 1000)
        report.flush()
    assert time.monotonic() - began < 10

    def is_told() -> bool:
        report.flush()
        return "lines are not shown" in "".join([*terminal.scrolled[-20:], *terminal.read()])

    until(is_told, 30, "a word on what was left out")
    report.show(TABLE)
    assert terminal.read()[-3:] == [*TABLE, ""]


def test_a_terminal_that_is_gone_does_not_matter(terminal: Terminal, report: Report) -> None:
    other = Terminal(40, 10)
    report = Report([], other.inner, screen=Screen(other.inner))
    report.show(TABLE)
    other.close()
    report.line(GRAPH, "nobody hears this")
    report.show(TABLE)
    report.flush()
    assert not report.waits


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_a_terminal_that_obeys_nothing_gets_no_table(
    kind: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert can_show(terminal.inner)
    monkeypatch.setenv("TERM", kind)
    assert not can_show(terminal.inner)


def test_a_pipe_gets_no_table() -> None:
    reading, writing = os.pipe()
    assert not can_show(writing)
    os.close(reading)
    os.close(writing)
