"""When frames of a live source are let go, and which frames after a reconnection are old."""

import pytest

from media.sources.pace import LATE, Lag
from media.sources.video import Backlog


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_source_that_sends_faster_than_it_shows_may_wait(clock: Clock) -> None:
    lag = Lag(clock)
    for frame in range(100):
        lag.note(frame * 0.04, waiting=frame >= 3)
        clock.now += 0.03  # held up by a graph that takes 33 a second
    assert not lag.late


def test_a_file_that_is_sent_at_once_may_wait_for_a_graph_that_stands_still(clock: Clock) -> None:
    lag = Lag(clock)
    for frame in range(500):  # twenty seconds of it within five, taken at once
        lag.note(frame * 0.04, waiting=False)
        clock.now += 0.01
    clock.now += 10
    lag.note(500 * 0.04, waiting=True)
    assert not lag.late


def test_who_cannot_keep_up_with_a_camera_is_late_after_a_while(clock: Clock) -> None:
    lag = Lag(clock)
    late = []
    for frame in range(60):
        lag.note(frame * 0.04, waiting=frame >= 3)
        late.append(lag.late)
        clock.now += 0.06
    assert not any(late[: int(LATE / 0.02)])
    assert late[-1]


def test_who_is_slow_for_good_falls_no_further_behind(clock: Clock) -> None:
    lag, frame, waiting, behind = Lag(clock), 0, 0, 0.0
    began = clock.now
    taken = began
    while clock.now < began + 60:  # 25 frames a second come, 10 are taken
        clock.now = max(clock.now, began + frame * 0.04)
        lag.note(frame * 0.04, waiting=waiting > 0)
        while waiting >= 3:
            if lag.late:
                waiting -= 1
            else:
                clock.now += 0.01
                lag.note(frame * 0.04, waiting=True)
            if clock.now - taken >= 0.1:
                taken, waiting = taken + 0.1, waiting - 1
        waiting, frame = waiting + 1, frame + 1
        behind = clock.now - began - frame * 0.04
    assert behind < LATE + 0.1


def test_a_hiccup_is_forgotten(clock: Clock) -> None:
    lag = Lag(clock)
    for frame in range(200):
        hiccup = 0.4 if frame == 20 else 0.0
        lag.note(frame * 0.04 - hiccup, waiting=False)
        clock.now += 0.04
    assert not lag.late
    lag.note(200 * 0.04 - LATE - 0.05, waiting=True)
    assert lag.late


def test_segments_of_a_playlist_that_come_at_once_are_not_late(clock: Clock) -> None:
    lag = Lag(clock)
    for segment in range(5):
        for frame in range(50):
            lag.note(segment * 2 + frame * 0.04, waiting=frame >= 3)
            clock.now += 0.01
            assert not lag.late
        clock.now += 1.5


def test_another_stream_on_the_same_connection_begins_anew(clock: Clock) -> None:
    lag = Lag(clock)
    for seconds in (5000.0, 5000.04, 0.0, 0.04):
        lag.note(seconds, waiting=True)
        assert not lag.late
        clock.now += 0.04


def held(gaps: list[float], interval: float = 0.04) -> list[int]:
    """The places of the frames that are held back when they come after these gaps, in seconds."""
    backlog, now, places = Backlog(), 100.0, []
    for place, gap in enumerate(gaps):
        now += gap
        if backlog.holds(place * interval, now):
            places.append(place)
    return places


def test_what_a_server_kept_is_held_back_until_frames_come_at_their_pace() -> None:
    assert held([0.005] * 50 + [0.04] * 50) == list(range(51))


def test_frames_that_come_at_their_pace_are_held_back_until_that_is_sure() -> None:
    assert held([0.04] * 20) == [0, 1, 2]
    assert held([0.08, 0.0] * 10) == [0, 1, 2, 3]  # in twos


def test_a_source_that_does_not_know_its_own_pace_passes_after_a_while() -> None:
    places = held([0.016] * 500)
    assert places
    assert 0.016 * len(places) == pytest.approx(Backlog.LONGEST, abs=0.1)
