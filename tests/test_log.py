"""What a child prints, cut into lines."""

import os
from collections.abc import Iterator
from io import FileIO

import pytest

from host.log import LINE_LIMIT, Log


class Pipe:
    """A log, the end that a child would write to, and the lines that came out."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.lines: list[str] = []
        self.log = Log(FileIO(reading), self.lines.append)

    def write(self, text: bytes) -> None:
        os.write(self.writing, text)
        assert self.log.read()

    def close(self) -> None:
        os.close(self.writing)
        assert not self.log.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.log.close()


def test_a_line_is_passed_on_when_it_has_ended(pipe: Pipe) -> None:
    pipe.write(b"one\ntw")
    assert pipe.lines == ["one"]

    pipe.write(b"o\n")
    assert pipe.lines == ["one", "two"]
    pipe.close()


def test_a_line_that_never_ended_is_passed_on_at_the_end(pipe: Pipe) -> None:
    pipe.write(b"last words")
    pipe.close()
    pipe.log.close()
    assert pipe.lines == ["last words"]


def test_a_progress_line_that_returns_is_a_line_each_time(pipe: Pipe) -> None:
    pipe.write(b"10 %\r20 %\r\n\n30 %\n")
    assert pipe.lines == ["10 %", "20 %", "30 %"]
    pipe.close()


def test_a_long_line_is_cut_and_what_follows_it_is_not(pipe: Pipe) -> None:
    for _ in range(5):
        pipe.write(b"x" * LINE_LIMIT)
    pipe.write(b"\nshort\n")
    assert pipe.lines == ["x" * LINE_LIMIT + " … (cut)", "short"]
    pipe.close()


def test_a_line_at_the_limit_is_whole(pipe: Pipe) -> None:
    pipe.write(b"x" * LINE_LIMIT + b"\n")
    assert pipe.lines == ["x" * LINE_LIMIT]
    pipe.close()


def test_bytes_that_are_not_utf_8_are_replaced(pipe: Pipe) -> None:
    pipe.write(b"caf\xe9\n")
    assert pipe.lines == ["caf\N{REPLACEMENT CHARACTER}"]
    pipe.close()


def test_a_child_that_says_nothing_is_not_waited_for(pipe: Pipe) -> None:
    assert pipe.log.read()
    assert pipe.lines == []
    pipe.close()
