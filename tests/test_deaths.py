"""The rests between the lives of a replica, as histories of deaths."""

import random
from bisect import bisect_left
from collections.abc import Iterable
from itertools import repeat

import pytest

from bus import superseded
from host import deaths as module
from host.deaths import JITTER, LONGEST_REST, LOOP_DEATHS, LOOP_REST, LOOP_WINDOW, Deaths

HISTORIES = {
    "the first death": ([(0, False)], 0.5),
    "each death without progress doubles the rest": ([(0, False), (1, False), (2, False)], 2),
    "the rest ends at half a minute": ([(time, False) for time in range(9)], LONGEST_REST),
    "ten deaths are a crash loop": ([(time, False) for time in range(LOOP_DEATHS)], LOOP_REST),
    "a crash loop stays one": ([(time, False) for time in (*range(10), 70, 130, 190, 250, 310, 370)], LOOP_REST),
    "a life with progress is healthy": ([(0, False), (1, False), (2, True)], 0),
    "progress forgives all that was before": ([*((time, False) for time in range(10)), (70, True), (71, False)], 0.5),
    "old deaths are forgotten": ([(0, False), (1, False), (LOOP_WINDOW + 2, False)], 0.5),
    "a long life ends the crash loop": ([*((time, False) for time in range(10)), (LOOP_WINDOW + 20, False)], 0.5),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_leads_to_a_rest(history: str) -> None:
    past, expected = HISTORIES[history]
    deaths = Deaths()
    rest = [deaths.rest(time, progress) for time, progress in past][-1]

    assert expected <= rest <= expected * (1 + JITTER)  # jitter lengthens only
    assert deaths.in_loop == (expected == LOOP_REST)


def most_starts(lives: Iterable[float]) -> int:
    """How often a replica is started within 5 minutes at most, if its `lives`, in seconds, make no progress."""
    deaths, now, starts = Deaths(), 0.0, []
    for life in lives:
        starts.append(now)
        now += life + deaths.rest(now + life, False)
    return max(bisect_left(starts, start + LOOP_WINDOW) - first for first, start in enumerate(starts))


def test_a_replica_that_dies_at_once_is_started_12_times_in_5_minutes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JITTER", 0.0)
    assert most_starts(repeat(0.0, 100)) == 12


def test_whatever_its_lives_last_a_replica_is_not_started_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JITTER", 0.0)
    rng = random.Random(7)
    lasting = (0.0, 0.0, 0.0, 1.0, 10.0, 60.0, 200.0, LOOP_WINDOW - 20, LOOP_WINDOW - 1, LOOP_WINDOW + 1)
    histories = [rng.choices(lasting, k=40) for _ in range(2000)]
    assert max(map(most_starts, histories)) <= 12


def test_the_exit_code_of_a_superseded_life_is_what_nodes_exit_with() -> None:
    assert module.SUPERSEDED == superseded.SUPERSEDED
    assert module.SUPERSEDED not in module.NEVER_AGAIN
