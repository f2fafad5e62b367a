"""The rests between the lives of a replica, as histories of deaths."""

import pytest

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
