"""Frames on their way out of the decoder."""

import os
import select
import threading
import time
from collections.abc import Iterator
from typing import Any

import av
import pytest

from media.decoding.outbox import DEPTH, Outbox, Picture
from media.decoding.records import Reader
from media.sources.pace import LATE
from media.sources.video import SLOW, Dropped
from tests.conftest import until
from tests.jobs import job

RATE = 100.0  # frames a second that the camera of these tests shows


def picture(number: int) -> Picture:
    return Picture(number, number / RATE, av.VideoFrame(640, 360, "rgb24"), 1)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that holds less than one frame."""
    out, into = os.pipe()
    yield out, into
    os.close(out)


class Reading:
    """Reads a pipe to its end, in a thread that is started when the test wants it."""

    def __init__(self, out: int) -> None:
        self.words: list[dict[str, Any]] = []
        self._out = out
        self._thread = threading.Thread(target=self._read)

    def start(self) -> None:
        self._thread.start()

    def all(self) -> list[dict[str, Any]]:
        self._thread.join()
        return self.words

    def _read(self) -> None:
        reader = Reader()
        while chunk := os.read(self._out, 1 << 16):
            self.words += [record.words for record in reader.read(chunk)]


def test_a_live_source_is_read_on_and_its_oldest_frames_are_let_go(pipe: tuple[int, int]) -> None:
    out, into = pipe
    reading = Reading(out)
    began, put, blocked = time.monotonic(), 0, 0.0
    with Outbox(into, job("rtsp://host/1"), jpeg=False, lossy=True) as outbox:
        while time.monotonic() - began < 3 * LATE:  # nobody reads, while the camera shows on
            time.sleep(max(0.0, began + put / RATE - time.monotonic()))
            at = time.monotonic()
            outbox.put(picture(put))
            blocked = max(blocked, time.monotonic() - at)
            put += 1
        reading.start()
    os.close(into)
    words = reading.all()
    kept = [word["number"] for word in words if word["is"] == "Frame"]
    dropped = sum(word["frames"] for word in words if word["is"] == "Dropped")
    assert kept[-DEPTH:] == list(range(put - DEPTH, put))  # the newest
    assert len(kept) + dropped == put
    assert dropped > RATE * LATE
    assert blocked < 2 * LATE


def test_what_was_let_go_while_nobody_reads_is_one_number(pipe: tuple[int, int]) -> None:
    out, into = pipe
    reading = Reading(out)
    count = 5000
    with Outbox(into, job("rtsp://host/1"), jpeg=False, lossy=True) as outbox:
        outbox.put(picture(0))
        until(lambda: select.select([out], [], [], 0)[0], 20, "the first frame on its way, which the pipe cannot hold")
        for number in range(1, count + 1):
            outbox.put(Picture(number, -number, av.VideoFrame(320, 240, "rgb24"), 1))  # late at once
            outbox.put(Dropped(1, "torn"))
        reading.start()
    os.close(into)
    words = reading.all()
    dropped = [word for word in words if word["is"] == "Dropped"]
    assert len(dropped) <= 4  # of each reason: one before anything waited, and one for all since
    assert sum(word["frames"] for word in dropped if word["why"] == "torn") == count
    assert sum(word["frames"] for word in dropped if word["why"] == SLOW) == count + 1 - (len(words) - len(dropped))


def test_a_live_source_without_a_clock_is_kept_waiting_for_no_longer_than_is_late(pipe: tuple[int, int]) -> None:
    out, into = pipe
    reading = Reading(out)
    with Outbox(into, job("http://host/live"), jpeg=False, lossy=True) as outbox:
        began = time.monotonic()
        for number in range(50):
            outbox.put(picture(number)._replace(seconds=None))
        assert time.monotonic() - began < 2 * LATE
        reading.start()
    os.close(into)
    words = reading.all()
    assert [word["number"] for word in words if word["is"] == "Frame"][-DEPTH:] == list(range(50 - DEPTH, 50))
    assert len(words) <= DEPTH + 3


def test_a_source_that_can_wait_loses_nothing(pipe: tuple[int, int]) -> None:
    out, into = pipe
    reading = Reading(out)
    with Outbox(into, job("test"), jpeg=False, lossy=False) as outbox:
        for number in range(2 * DEPTH):
            if number == DEPTH:
                reading.start()
            outbox.put(picture(number))
    os.close(into)
    assert [word["number"] for word in reading.all()] == list(range(2 * DEPTH))


def test_who_no_longer_reads_is_noticed(pipe: tuple[int, int]) -> None:
    out, into = pipe
    os.dup2(into, out)  # nobody can read any more
    with pytest.raises(BrokenPipeError), Outbox(into, job("test"), jpeg=False, lossy=False) as outbox:
        for number in range(DEPTH + 2):
            outbox.put(picture(number))
    os.close(into)


def test_what_is_known_comes_before_the_frames_that_it_is_about(pipe: tuple[int, int]) -> None:
    out, into = pipe
    with Outbox(into, job("test", size="16x8"), jpeg=True, lossy=False) as outbox:
        outbox.put(Dropped(2, "why"))
        outbox.put(picture(0))
    os.close(into)
    reading = Reading(out)
    reading.start()
    assert [word["is"] for word in reading.all()] == ["Dropped", "Frame"]
