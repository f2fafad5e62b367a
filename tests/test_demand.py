"""How many replicas are wanted: what the decision does under loads whose every second is made up."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from host.demand import BUSY, CALM, DOWN_AFTER, UP_AFTER, Demand, Seen

LEAST, MOST = 2, 32
AHEAD = 8.0  # messages that each replica has in advance: more than these wait where it can be seen


class Node:
    """One whose messages take a second of a replica each; replicas take some seconds to start."""

    def __init__(self, least: int = LEAST, most: int = MOST, start: float = 3.0, *, is_far: bool = False) -> None:
        self.least, self.most, self._start, self._is_far = least, most, start, is_far
        self.demand, self.now, self.backlog = Demand(), 0.0, 0.0
        self.ready_at = [0.0] * least  # of each replica
        self.history: list[int] = []

    def second(self, coming: float) -> None:
        """So many messages come, and are worked at; then it is decided."""
        self.now += 1.0
        ready = sum(at <= self.now for at in self.ready_at)
        done = min(ready, self.backlog + coming)
        self.backlog += coming - done
        awaited = None if self._is_far else self.backlog > AHEAD * ready
        seen = Seen(len(self.ready_at), ready, float(done) if ready else None, awaited)
        wanted = self.demand.wanted(seen, self.least, self.most, self.now)
        while len(self.ready_at) > wanted:
            self.ready_at.remove(max(self.ready_at))
        self.ready_at += [self.now + self._start] * (wanted - len(self.ready_at))
        self.history.append(wanted)

    def runs(self, coming: float | Callable[[float], float], seconds: int) -> Sequence[int]:
        """What was wanted in each second of that load."""
        for _ in range(seconds):
            self.second(coming(self.now) if callable(coming) else coming)
        return self.history[-seconds:]


LOADS = [0.0, 0.3, 1.0, 1.69, 1.71, 2.0, 2.5, 3.1, 4.0, 5.9, 8.0, 11.0, 16.5, 20.0, 27.2, 31.0, 40.0]


@pytest.mark.parametrize("is_far", [False, True], ids=["queues are seen", "queues are far"])
@pytest.mark.parametrize("start", [0.0, 3.0, 45.0])
@pytest.mark.parametrize("load", LOADS)
def test_a_steady_load_gets_what_it_takes_and_the_number_settles(load: float, start: float, is_far: bool) -> None:
    node = Node(start=start, is_far=is_far)
    node.runs(load, 1500)
    last = node.runs(load, 300)
    assert {*last} == {last[0]}
    assert LEAST <= min(node.history) <= max(node.history) <= MOST
    assert last[0] >= min(load, MOST)
    assert last[0] == LEAST or load > CALM * (last[0] - 1)


@pytest.mark.parametrize("before", LOADS)
@pytest.mark.parametrize("after", [0.0, 5.9, 27.2])
def test_from_any_load_to_any_other_the_number_goes_one_way_but_for_an_overshoot(before: float, after: float) -> None:
    node = Node()
    node.runs(before, 1500)
    node.backlog = 0.0
    turns = [one < other for one, other in pairwise(node.runs(after, 1000)) if one != other]
    assert sum(one != other for one, other in pairwise(turns)) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_a_load_that_trembles_moves_the_number_seldom(seed: int) -> None:
    chance = random.Random(seed)
    load = chance.uniform(0.5, 25.0)
    node = Node()
    node.runs(lambda _: load * chance.uniform(0.7, 1.3), 1000)
    later = node.runs(lambda _: load * chance.uniform(0.7, 1.3), 1000)
    assert sum(one != other for one, other in pairwise(later)) <= 4


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_the_number_stays_within_its_bounds_and_moves_in_known_steps(seed: int) -> None:
    chance = random.Random(seed)
    node = Node(least=1, start=chance.choice([0.0, 2.0, 20.0]))
    level = [0.0]

    def leaps(now: float) -> float:
        if chance.random() < 0.02:
            level[0] = chance.choice(LOADS)
        return level[0]

    node.runs(leaps, 3000)
    assert 1 <= min(node.history) <= max(node.history) <= MOST
    changes = [(at, one, other) for at, (one, other) in enumerate(pairwise(node.history)) if one != other]
    assert changes
    for (at, one, other), (later, two, next_one) in pairwise(changes):
        assert other == one - 1 or other == min(MOST, one + max(1, one // 2))
        assert later - at >= (UP_AFTER if next_one > two else DOWN_AFTER)


def test_all_of_them_go_when_nothing_comes_any_more() -> None:
    node = Node()
    assert node.runs(100.0, 120)[-1] == MOST
    node.backlog = 0.0
    wanted = node.runs(0.0, int(DOWN_AFTER + 1) * MOST)
    assert wanted[-1] == LEAST
    assert all(one - other in (0, 1) for one, other in pairwise(wanted))


def test_a_burst_that_is_shorter_than_the_patience_changes_nothing() -> None:
    node = Node()
    node.runs(0.5, 20)
    node.backlog = 100.0
    node.second(0.0)
    node.second(0.0)
    node.backlog = 0.0
    assert {*node.runs(0.5, 20)} == {LEAST}


def test_none_is_added_while_one_that_was_asked_for_does_not_work_yet() -> None:
    node = Node(start=1000.0)
    node.backlog = 1000.0
    assert max(node.runs(10.0, 500)) == LEAST + 1


def test_who_does_not_work_yet_is_let_go_when_the_need_is_over() -> None:
    node = Node(start=1000.0)
    node.backlog = 100.0
    assert node.runs(0.0, 10)[-1] == LEAST + 1
    node.backlog = 0.0
    assert node.runs(0.0, 20)[-1] == LEAST


@pytest.mark.parametrize("awaited", [True, False, None])
def test_more_load_never_gets_fewer(awaited: bool | None) -> None:
    for ready in range(1, MOST + 1):
        wanted = []
        for tenths in range(ready * 10 + 1):
            demand, seen = Demand(), Seen(ready, ready, tenths / 10, awaited)
            demand.wanted(seen, 1, MOST, 0.0)
            wanted.append(demand.wanted(seen, 1, MOST, DOWN_AFTER + UP_AFTER))
        assert wanted == sorted(wanted), (ready, wanted)


def test_between_the_two_thresholds_there_is_a_gap() -> None:
    """Neither does a step down make those who are left busy, nor a step up make one too many of those who are there."""
    for asked in range(2, MOST + 1):
        assert not Seen(asked - 1, asked - 1, CALM * (asked - 1), True).is_busy
        assert not Seen(asked + 1, asked + 1, BUSY * asked, True).is_calm


@pytest.mark.parametrize(
    "seen",
    [Seen(3, 0, None, True), Seen(3, 3, None, True), Seen(3, 3, 3.0, False), Seen(3, 3, 2.6, None),
     Seen(3, 2, 2.0, True)],
    ids=["nobody works", "nobody knows how busy", "nothing waits", "the queue is far and they pause", "one is to come"],
)  # fmt: skip
def test_nothing_changes_where_nothing_speaks_for_it(seen: Seen) -> None:
    demand = Demand()
    assert {demand.wanted(seen, 1, MOST, float(now)) for now in range(100)} == {3}


def test_fewer_than_the_least_or_more_than_the_most_are_put_right_at_once() -> None:
    assert Demand().wanted(Seen(1, 1, 0.0, False), 3, 6, 0.0) == 3
    assert Demand().wanted(Seen(8, 8, 8.0, True), 3, 6, 0.0) == 6
