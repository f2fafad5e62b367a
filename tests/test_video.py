"""Which frames are kept, what their numbers are, and when a clip has broken off."""

from typing import Any

import pytest

from media.sources.job import BadData
from media.sources.video import Promise, Selection
from tests.jobs import job


def kept(times: list[float], first: int = 0, ends: bool = True, **wish: Any) -> dict[int, int | None]:
    """The place of each frame that is kept -> its number."""
    selection = Selection(job(**wish), first, ends)
    numbers = {place: selection.number(seconds) for place, seconds in enumerate(times)}
    return {place: number for place, number in numbers.items() if number is not None}


def every(seconds: float, count: int) -> list[float]:
    return [place * seconds for place in range(count)]


def test_without_a_rate_every_frame_is_kept_and_counted_from_0() -> None:
    assert kept([5.0, 5.0, 4.0]) == {0: 0, 1: 1, 2: 2}


def test_a_rate_keeps_that_many_frames_a_second_numbered_without_gaps() -> None:
    assert kept(every(0.04, 25), rate=5.0) == {0: 0, 5: 1, 10: 2, 15: 3, 20: 4}
    assert len(kept(every(1 / 30, 3000), rate=12.5)) == 1250


def test_a_rate_above_that_of_the_source_keeps_all_even_where_times_are_whole_milliseconds() -> None:
    rounded = [round(seconds, 3) for seconds in every(1 / 30, 300)]
    assert len(kept(rounded, rate=30.0)) == 300
    assert len(kept(rounded, rate=60.0)) == 300


def test_a_clock_that_jumps_back_does_not_stop_the_frames() -> None:
    assert len(kept(every(0.04, 25) + every(0.04, 25), rate=5.0)) == 10


def test_a_limit_ends_it() -> None:
    selection = Selection(job(limit=2), 0, ends=True)
    assert [selection.number(0.0), selection.full, selection.number(1.0), selection.full] == [0, False, 1, True]


def test_a_clip_that_is_read_again_gives_the_same_frames_the_same_numbers() -> None:
    times = every(0.04, 100)
    once, again = kept(times, rate=7.0), kept(times, first=9, rate=7.0)
    assert again == {place: number for place, number in once.items() if number is not None and number >= 9}
    assert len(again) == len(once) - 9


def test_a_live_source_that_is_opened_again_goes_on_counting() -> None:
    assert kept([7.0, 7.1], first=5, ends=False) == {0: 5, 1: 6}
    assert kept([7.0, 7.1], first=5, ends=False, limit=6) == {0: 5}


def test_the_number_of_frames_to_come_follows_from_rate_and_limit() -> None:
    clip = Promise(seconds=10.0, rate=25.0)
    assert clip.total(job()) == 250
    assert clip.total(job(rate=5.0)) == 50
    assert clip.total(job(rate=60.0)) == 250
    assert clip.total(job(limit=7)) == 7
    assert Promise(0, 0).total(job(limit=7)) == 0


def test_a_clip_that_ends_long_before_its_container_says_so_is_broken() -> None:
    Promise(10.0, 25.0).kept(job(), 9.5)
    with pytest.raises(BadData, match=r"breaks off after 4\.00 s of 10\.00 s") as broken:
        Promise(10.0, 25.0).kept(job(), 4.0)
    assert broken.value.code == 65
