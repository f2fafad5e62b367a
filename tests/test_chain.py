"""How verdicts travel upstream."""

import itertools

import pytest

from bus.chain import Unit


def finished(*verdicts: tuple[str, str], parts: int = 1) -> list[tuple[str, str]]:
    """What a unit says after these parts have come to their ends."""
    said: list[tuple[str, str]] = []
    unit = Unit(lambda *words: said.append(words), parts)
    for _ in verdicts[parts:]:
        unit.add()
    for verdict, reason in verdicts:
        assert not said
        unit.drop(verdict, reason)
    return said


@pytest.mark.parametrize("order", list(itertools.permutations(["gone", "dropped", "done", "rejected"])))
def test_the_highest_verdict_counts_in_whatever_order_they_come(order: tuple[str, ...]) -> None:
    for count in range(1, 5):
        verdicts = order[:count]
        ranked = [verdict for verdict in ("rejected", "done", "dropped", "gone") if verdict in verdicts]
        assert finished(*((verdict, f"why {verdict}") for verdict in verdicts)) == [(ranked[0], f"why {ranked[0]}")]


def test_a_part_that_has_no_say_only_delays() -> None:
    assert finished(("", ""), ("dropped", "why"), ("", "")) == [("dropped", "why")]
    assert finished(("", ""), ("", "")) == [("done", "")]


def test_of_equal_verdicts_the_first_reason_counts() -> None:
    assert finished(("rejected", "first"), ("rejected", "second")) == [("rejected", "first")]


def test_several_parts_from_the_start_are_all_waited_for() -> None:
    assert finished(("done", ""), ("done", ""), parts=2) == [("done", "")]
    assert finished(("done", ""), parts=2) == []
