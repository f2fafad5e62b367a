"""Sets of numbers that are kept as ranges."""

import random

from bus.ranges import MOST, Ranges


def test_ranges_that_touch_are_one_and_the_next_free_number_is_known() -> None:
    some = Ranges([(5, 7), (0, 1), (9, 9)])
    some.add(2, 3)

    assert some.ranges == [(0, 3), (5, 7), (9, 9)]
    assert [some.after(number) for number in (0, 4, 5, 8, 9, 20)] == [4, 4, 8, 8, 10, 20]
    assert [number for number in range(12) if number in some] == [0, 1, 2, 3, 5, 6, 7, 9]
    some.add(4, 2**63 - 1)
    assert some.ranges == [(0, 2**63 - 1)]


def test_they_hold_what_a_set_holds_whatever_comes_in_whatever_order() -> None:
    chance = random.Random(5)
    for _ in range(200):
        ranges, plain = Ranges(), set[int]()
        for _ in range(20):
            first = chance.randrange(60)
            last = first + chance.randrange(6)
            if chance.random() < 0.7:
                ranges.add(first, last)
                plain.update(range(first, last + 1))
            else:
                ranges.remove(first, last)
                plain.difference_update(range(first, last + 1))
        assert {number for number in range(80) if number in ranges} == plain
        assert all(after + 1 < first for (_, after), (first, _) in zip(ranges.ranges, ranges.ranges[1:], strict=False))


def test_their_memory_is_bounded() -> None:
    many = Ranges((number, number) for number in range(0, 4 * MOST, 2))

    assert len(many.ranges) == MOST
    assert many.ranges[0][0] == 0
    assert (4 * MOST - 2) in many
    assert (4 * MOST - 3) not in many
