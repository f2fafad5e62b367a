"""A live source that goes and comes back."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from media.sources import live
from media.sources.job import BadData, Job
from media.sources.live import Outage, reopened
from media.sources.video import Frame, Opened, Step, Steps
from media.sources.worker import WorkerDied
from tests.jobs import job

OPENED = Opened((8, 8), 25.0, 0, False)
Life = Callable[[Job, int], Iterator[Step]]


class Engine:
    """What each connection gives, one after the other."""

    def __init__(self, *lives: Life) -> None:
        self.lives = iter(lives)
        self.jobs: list[Job] = []

    def __call__(self, job: Job, first: int, workspace: Path | None) -> Steps:
        self.jobs.append(job)
        yield from next(self.lives)(job, first)


def gives(count: int, ends: bool = False) -> Life:
    """A connection that gives so many frames and ends."""

    def life(job: Job, first: int) -> Iterator[Step]:
        yield OPENED._replace(ends=ends)
        for number in range(first, first + count):
            yield Frame(number, b"", 1)

    return life


def breaks(words: str, count: int = 0) -> Life:
    """A connection that breaks off after so many frames."""

    def life(job: Job, first: int) -> Iterator[Step]:
        yield from gives(count)(job, first) if count else ()
        raise BadData(words)

    return life


def dies(count: int) -> Life:
    """A connection to a clip whose decoder dies after so many new frames."""

    def life(job: Job, first: int) -> Iterator[Step]:
        yield from gives(count, ends=True)(job, first)
        raise WorkerDied("clip.mp4: its decoder was killed by SIGKILL")

    return life


def numbers(steps: Steps) -> list[int]:
    return [step.number for step in steps if isinstance(step, Frame)]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SHORTEST", 0.001)
    monkeypatch.setattr(live, "LONGEST", 0.004)


CAMERA = "rtsp://host/1"


def test_a_live_source_is_opened_again_whatever_happened_and_its_numbers_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine = Engine(breaks("not there"), gives(2), breaks("it broke", 3), breaks("refused"), gives(5))
    assert numbers(reopened(engine, job(CAMERA, limit=10), 0, None)) == list(range(10))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "not there; opens it again until it is there"
    assert said[1].endswith("(outage 1)")
    assert len(said) == 2  # the next outages come within the half minute


def test_without_reopen_its_end_is_the_end_and_what_is_broken_is_bad_data() -> None:
    once = replace(job(CAMERA), reopen=False)
    assert numbers(reopened(Engine(gives(3)), once, 0, None)) == [0, 1, 2]
    with pytest.raises(BadData, match="it broke"):
        list(reopened(Engine(breaks("it broke", 2)), once, 0, None))


def test_a_clip_is_never_opened_again() -> None:
    assert numbers(reopened(Engine(gives(3, ends=True)), job("test"), 0, None)) == [0, 1, 2]
    with pytest.raises(BadData):
        list(reopened(Engine(breaks("it is broken")), job("test"), 0, None))


def test_a_clip_from_afar_goes_on_where_it_broke_off_and_ends() -> None:
    def broken(job: Job, first: int) -> Iterator[Step]:
        yield from gives(4, ends=True)(job, first)
        raise BadData("connection reset")

    engine = Engine(broken, gives(6, ends=True))
    assert numbers(reopened(engine, job("http://host/clip.mp4"), 0, None)) == list(range(10))
    assert [asked.ends for asked in engine.jobs] == [None, True]


def test_a_clip_from_afar_that_breaks_off_again_and_again_at_the_same_frame_is_broken() -> None:
    def broken(job: Job, first: int) -> Iterator[Step]:
        yield OPENED._replace(ends=True)
        yield from (Frame(number, b"", 1) for number in range(first, 4))
        raise BadData("it breaks off after 4 frames")

    engine = Engine(broken, breaks("the server is not there"), broken, broken, broken)
    frames: list[int] = []
    with pytest.raises(BadData, match="it breaks off after 4 frames"):
        frames.extend(
            step.number for step in reopened(engine, job("http://host/clip.mp4"), 0, None) if isinstance(step, Frame)
        )
    assert frames == [0, 1, 2, 3]
    assert len(engine.jobs) == 5


def test_a_clip_from_afar_that_breaks_off_earlier_than_before_is_tried_again() -> None:
    def broken(job: Job, first: int) -> Iterator[Step]:
        yield OPENED._replace(ends=True)
        yield from (Frame(number, b"", 1) for number in range(first, 4))
        raise BadData("connection reset")

    engine = Engine(broken, broken, broken, gives(6, ends=True))
    assert numbers(reopened(engine, job("http://host/clip.mp4"), 0, None)) == list(range(10))


def test_a_clip_whose_decoder_dies_goes_on_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine(dies(4), dies(0), dies(0), dies(1), gives(5, ends=True))
    assert numbers(reopened(engine, job("test"), 0, None)) == list(range(10))
    assert "its decoder was killed" in capsys.readouterr().out


def test_a_clip_whose_decoder_dies_again_and_again_at_the_same_frame_is_given_up() -> None:
    engine = Engine(*[dies(4)] + [dies(0)] * 9)
    with pytest.raises(WorkerDied):
        list(reopened(engine, job("test"), 0, None))
    assert len(engine.jobs) == 4


def test_a_rate_holds_over_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second of a connection, and then the next: each gives a frame at once, by its own clock."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + max(seconds, 0.001)))

    def second(job: Job, first: int) -> Iterator[Step]:
        yield OPENED
        yield Frame(first, b"", 1)
        now[0] += 1.0

    frames, at = [], []
    for step in reopened(Engine(*[second] * 100), job(CAMERA, rate=0.2, limit=4), 0, None):
        if isinstance(step, Frame):
            frames.append(step.number)
            at.append(now[0])
    assert frames == [0, 1, 2, 3]
    assert all(5 * 0.9 <= later - sooner < 7 for sooner, later in pairwise(at)), at


def test_frames_after_those_that_came_too_early_have_the_next_numbers() -> None:
    def life(job: Job, first: int) -> Iterator[Step]:
        yield OPENED
        yield Frame(first, b"early", 1)
        time.sleep(0.06)
        for number in range(first + 1, job.limit):
            yield Frame(number, b"", 1)

    steps = reopened(Engine(gives(1), life), job(CAMERA, rate=20.0, limit=4), 0, None)
    frames = [step for step in steps if isinstance(step, Frame)]
    assert [frame.number for frame in frames] == [0, 1, 2, 3]
    assert b"early" not in [frame.picture for frame in frames]


def test_a_clip_that_is_complete_already_is_opened_and_ends() -> None:
    def nothing_new(job: Job, first: int) -> Iterator[Step]:
        yield None
        yield OPENED._replace(ends=True)

    assert [*reopened(Engine(nothing_new), job("test", limit=4), 4, None)] == [None, OPENED._replace(ends=True)]


def test_what_was_live_once_is_live_for_ever() -> None:
    engine = Engine(gives(1), gives(1), gives(1))
    assert numbers(reopened(engine, job("http://host/live.m3u8", limit=3), 0, None)) == [0, 1, 2]
    assert [asked.ends for asked in engine.jobs] == [None, False, False]


def test_pauses_double_and_no_two_splitters_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SHORTEST", 0.5)
    monkeypatch.setattr(live, "LONGEST", 3.0)
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    outage, pauses = Outage(job(CAMERA)), []
    for _ in range(6):
        list(outage.pause("refused"))
        pauses.append(sum(slept))
        slept.clear()
    for pause, most in zip(pauses, [0.5, 1.0, 2.0, 3.0, 3.0, 3.0], strict=True):
        assert 0.75 * most <= pause <= most
    assert len({round(pause / most, 6) for pause, most in zip(pauses[3:], [3.0] * 3, strict=True)}) == 3
    outage.over()
    list(outage.pause("refused"))
    assert sum(slept) <= 0.5


def test_an_outage_is_said_every_half_minute_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + max(seconds, 0.001)))
    monkeypatch.setattr(live, "SHORTEST", 0.5)
    monkeypatch.setattr(live, "LONGEST", 3.0)
    outage = Outage(job(CAMERA))
    while now[0] < 1100:
        list(outage.pause("cannot read rtsp://host/1: Connection refused"))
    outage.over()
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 5
    assert said[0] == "cannot read rtsp://host/1: Connection refused; opens it again until it is there"
    assert said[1].startswith("cannot read rtsp://host/1: Connection refused; opens it again until it is there (")
    assert said[-1].startswith("rtsp://host/1 is back after 10")
    assert said[-1].endswith(" s (outage 1)")
