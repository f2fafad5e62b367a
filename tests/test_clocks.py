"""How far another host's clock is from ours, from four timestamps, and how far off that can be."""

import random

import pytest

from host.link.clocks import KEPT, Clock, Reading

NS = 1_000_000_000
HOUR = 3600.0


class Exchanges:
    """Some, with a clock that is `ahead` of ours by so many seconds."""

    def __init__(self, ahead: float, seed: int = 1) -> None:
        self.clock, self.ahead, self.now = Clock(), ahead, 1000.0
        self._chance = random.Random(seed)

    def make(self, count: int, there: tuple[float, float], back: tuple[float, float], dwell: float = 0.5) -> None:
        """Each way takes between two times, in seconds."""
        for _ in range(count):
            asked = self.now
            heard = asked + self._chance.uniform(*there)
            answered = heard + dwell
            arrived = answered + self._chance.uniform(*back)
            theirs = [round((at + self.ahead) * NS) for at in (heard, answered)]
            self.clock.add(round(asked * NS), theirs[0], theirs[1], round(arrived * NS), arrived)
            self.now = arrived + 1.0

    @property
    def reading(self) -> Reading:
        found = self.clock.reading(self.now)
        assert found
        return found

    @property
    def error(self) -> float:
        return abs(self.reading.offset - self.ahead)


def test_nothing_is_known_before_the_first_exchange() -> None:
    assert Clock().reading(1.0) is None


@pytest.mark.parametrize("ahead", [0.0, HOUR, -HOUR, 0.0123])
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("there", "back"),
    [
        ((0.01, 0.01), (0.01, 0.01)),
        ((0.05, 0.15), (0.05, 0.15)),
        ((0.001, 0.002), (0.1, 0.3)),
        ((0.0, 2.0), (0.0, 0.0)),
    ],
)
def test_the_true_offset_is_within_the_uncertainty_whatever_the_two_ways_take(
    ahead: float, seed: int, there: tuple[float, float], back: tuple[float, float]
) -> None:
    exchanges = Exchanges(ahead, seed)
    for count in (1, 3, 30):
        exchanges.make(count, there, back)
        assert exchanges.error <= exchanges.reading.uncertainty


def test_more_exchanges_make_it_better_known_than_one_of_them() -> None:
    exchanges = Exchanges(HOUR)
    exchanges.make(KEPT, (0.05, 0.15), (0.05, 0.15))
    assert exchanges.reading.uncertainty < 0.1
    assert exchanges.error < 0.03
    assert 0.15 < exchanges.reading.round_trip < 0.25


@pytest.mark.parametrize("by", [HOUR, -HOUR, 0.5])
def test_a_clock_that_is_set_is_known_anew_after_one_exchange(by: float) -> None:
    exchanges = Exchanges(1.0)
    exchanges.make(20, (0.01, 0.02), (0.01, 0.02))
    exchanges.ahead += by
    exchanges.make(1, (0.01, 0.02), (0.01, 0.02))
    assert exchanges.error <= exchanges.reading.uncertainty < 0.05


def test_an_exchange_in_which_our_clock_was_set_back_says_nothing() -> None:
    clock = Clock()
    clock.add(1000 * NS, 1000 * NS, 1001 * NS, 1002 * NS, 5.0)
    clock.add(1010 * NS, 1010 * NS, 1011 * NS, 1000 * NS, 15.0)
    assert clock.reading(16.0) is None


def test_it_is_known_less_and_less_while_nothing_comes() -> None:
    exchanges = Exchanges(0.0)
    exchanges.make(5, (0.01, 0.01), (0.01, 0.01))
    before = exchanges.reading.uncertainty
    exchanges.now += HOUR
    assert exchanges.reading.uncertainty > before + 0.1


def test_by_way_of_another_host_offsets_and_uncertainties_add_up() -> None:
    assert Reading(1.0, 0.125, 0.25).beyond(Reading(-3.0, 0.25, 0.5)) == Reading(-2.0, 0.375, 0.75)
