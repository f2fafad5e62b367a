"""A live source is read on while nobody takes its frames."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from media.sources.job import BadData
from media.sources.newest import DEPTH, newest
from media.sources.video import BEAT, OLD, SLOW, Dropped, Frame, Opened, Step, Steps
from tests.conftest import until

OPENED = Opened((64, 48), 25.0, 0, False)


def frame(number: int, folder: Path) -> Frame:
    file = folder / f"{number}.jpg"
    file.write_bytes(b"")
    return Frame(number, file, 0)


@contextmanager
def free() -> Iterator[None]:
    """A source that goes on while it is held."""
    yield


def live(steps: Steps) -> Steps:
    """The newest of a camera, behind which we fall as long as we do not take its frames."""
    return newest(steps, lambda: 0.0, free)


def told(steps: Steps) -> list[Step]:
    return [step for step in steps if step is not None]


def test_the_newest_wait_and_the_others_are_counted_and_removed(tmp_path: Path) -> None:
    given = threading.Event()

    def source() -> Steps:
        yield OPENED
        for number in range(20):
            yield frame(number, tmp_path)
        given.set()

    with closing(live(source())) as steps:
        first = next(steps)
        assert given.wait(5)
        rest = told(steps)
    newest_ones = list(range(20 - DEPTH, 20))
    assert first == OPENED  # before what was dropped of it
    assert rest[0] == Dropped(20 - DEPTH, SLOW)
    assert [step.number for step in rest if isinstance(step, Frame)] == newest_ones
    assert {int(file.stem) for file in tmp_path.iterdir()} == set(newest_ones)


def test_a_source_that_sends_faster_than_it_shows_is_held(tmp_path: Path) -> None:
    shown, held = [0.0], [0]

    @contextmanager
    def hold() -> Iterator[None]:
        held[0] += 1
        yield

    def source() -> Steps:
        for number in range(4 * DEPTH):
            shown[0] = float(number)
            yield frame(number, tmp_path)

    taken = []
    with closing(newest(source(), lambda: shown[0], hold)) as steps:
        for step in steps:
            assert not isinstance(step, Dropped)
            if isinstance(step, Frame):
                taken.append(step.number)
                until(lambda: held[0])  # it has filled all the room before the second frame is taken
    assert taken == list(range(4 * DEPTH))


def test_what_was_opened_and_dropped_before_is_told_and_nothing_is_none() -> None:
    go_on = threading.Event()

    def source() -> Steps:
        yield OPENED
        yield Dropped(2, OLD)
        yield None
        go_on.wait(5)

    with closing(live(source())) as steps:
        assert {next(steps), next(steps)} == {OPENED, Dropped(2, OLD)}
        assert next(steps) is None
        go_on.set()
        assert told(steps) == []


def test_what_breaks_it_off_is_raised_once_all_frames_are_taken(tmp_path: Path) -> None:
    def source() -> Steps:
        yield frame(0, tmp_path)
        yield frame(1, tmp_path)
        raise BadData("it broke")

    taken: list[Step] = []
    with closing(live(source())) as steps, pytest.raises(BadData, match="it broke"):
        taken.extend(steps)
    assert [step.number for step in taken if isinstance(step, Frame)] == [0, 1]
    assert taken[-1] is None  # who is to stop leaves here


def test_who_wants_no_more_closes_it(tmp_path: Path) -> None:
    closed = threading.Event()

    def source() -> Steps:
        try:
            while True:
                threading.Event().wait(BEAT)
                yield frame(0, tmp_path)
        finally:
            closed.set()

    with closing(live(source())) as steps:
        next(steps)
    assert closed.is_set()
    assert not any(thread.name == "newest" for thread in threading.enumerate())
