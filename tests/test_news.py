"""What the supervisor waits for: what changes nothing else costs no turn of it."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import cast

import pytest

from host.log import Log
from host.news import News
from host.view.report import Report

LONG, SHORT = 30.0, 0.2  # seconds


@pytest.fixture
def news(tmp_path: Path) -> Iterator[News]:
    with open(tmp_path / "report", "w") as file, closing(News(Report(["a"], file.fileno()))) as news:
        yield news


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """One byte waits in it, and is never read."""
    ends = os.pipe()
    os.write(ends[1], b"x")
    yield ends
    for end in ends:
        os.close(end)


def test_what_changes_more_ends_the_wait(news: News, pipe: tuple[int, int]) -> None:
    began = time.monotonic()
    news.on(pipe[0], lambda: None)
    news.act(began + LONG)
    assert time.monotonic() < began + LONG


def test_what_changes_nothing_else_does_not_end_it_and_does_not_prolong_it(news: News, pipe: tuple[int, int]) -> None:
    calls, began = list[float](), time.monotonic()

    def note() -> bool:
        calls.append(time.monotonic())
        return False

    news.on(pipe[0], note)
    news.act(began + SHORT)
    assert len(calls) > 1
    assert began + SHORT <= time.monotonic() < began + LONG


def test_a_log_is_followed_to_its_end_and_its_last_words_are_passed_on(news: News) -> None:
    lines = list[str]()
    with subprocess.Popen(["sh", "-c", "echo one; printf two"], bufsize=0, stdout=subprocess.PIPE) as process:
        news.follow(Log(cast(FileIO, process.stdout), lines.append))
        deadline = time.monotonic() + LONG
        while len(lines) < 2 and time.monotonic() < deadline:
            news.act(time.monotonic() + SHORT)
    assert lines == ["one", "two"]
