"""The lines that the launcher prints."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from host.view.output import ROOM
from host.view.report import GRAPH, Report


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):  # a test has closed it
            os.close(end)


def test_a_line_has_the_time_a_padded_name_and_the_text(pipe: tuple[int, int]) -> None:
    report = Report(["splitter", "converter.2"], pipe[1])
    report.line("splitter", "ready")
    report.line("converter.2", "exited with 1")

    first, second = os.read(pipe[0], 4096).decode().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d splitter    \| ready", first)
    assert second.endswith(" converter.2 | exited with 1")


def test_control_characters_do_not_reach_the_terminal(pipe: tuple[int, int]) -> None:
    Report([], pipe[1]).line(GRAPH, "a\tb\x1b[31mred\x1b[0m\x1b]0;title\x07 bell\x07 \x9b2J")
    assert (
        os.read(pipe[0], 4096)
        .decode()
        .endswith("| a\tbred bell\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}2J\n")
    )


def test_there_is_no_colour_in_a_pipe(pipe: tuple[int, int]) -> None:
    Report(["splitter"], pipe[1]).line("splitter", "ready")
    assert b"\x1b" not in os.read(pipe[0], 4096)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_names_are_coloured_on_a_terminal_unless_no_color_is_set(
    no_color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen, terminal = os.openpty()
    Report(["splitter"], terminal).line("splitter", "ready")
    assert (b"\x1b[36m" in os.read(screen, 4096)) == (not no_color)
    os.close(terminal)
    os.close(screen)


def test_a_reader_that_does_not_read_is_not_waited_for_and_told_what_it_missed(pipe: tuple[int, int]) -> None:
    report = Report([], pipe[1])
    for _ in range(2 * ROOM // 1000):
        report.line(GRAPH, "x" * 1000)
    assert report.waits

    text = b""
    while report.waits:
        text += os.read(pipe[0], 65536)
        report.flush()
    text += os.read(pipe[0], 65536)
    *shown, last = text.decode().splitlines()
    missed = re.search(r"(\d+) lines are not shown", last)
    assert missed
    assert len(shown) + int(missed[1]) == 2 * ROOM // 1000


def test_a_reader_that_has_gone_does_not_matter(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    report = Report([], pipe[1])
    report.line(GRAPH, "nobody hears this")
    assert not report.waits


def test_without_standard_output_it_is_silent() -> None:
    report = Report(["splitter"], None)
    report.line("splitter", "ready")
    assert not report.waits
