"""What a node function asks its inputs for: the next, a batch, what is there, and whether more can come."""

import time
from collections.abc import Iterator

import pytest

from bus import Message, Stopped, arrived, batches, closed
from tests.peers import Node, node


def give(n: Node, *numbers: int) -> None:
    """Send these, and wait until they lie in the input."""
    before = len(n.frames.queue)
    for number in numbers:
        n.far.give(number)
    n.until(lambda: len(n.frames.queue) == before + len(numbers))


def released(n: Node) -> list[int]:
    return [number for state in n.far.hear() for number in state["released"]]


def test_asking_for_the_next_message_says_that_the_last_one_is_finished() -> None:
    with node() as n:
        give(n, 1, 2)
        frames = iter(n.frames)
        assert next(frames).number == 1
        for _ in range(20):
            n.breathe()
        assert n.verdicts() == {}
        assert next(frames).number == 2
        n.until(lambda: n.verdicts() == {1: ("done", "")})
        assert released(n) == [1]
        assert n.books["received"] == 1


def test_iteration_goes_on_until_the_pusher_has_ended() -> None:
    with node() as n:
        give(n, 1)
        assert next(n.frames).number == 1
        n.far.ping(1, closed=True)
        n.until(lambda: closed(n.frames))
        n.far.ping(2, closed=True, end=True)
        with pytest.raises(StopIteration):
            next(n.frames)


def test_a_node_that_is_to_stop_hears_it_when_it_asks_for_the_next_message() -> None:
    with node() as n:
        give(n, 1, 2)
        next(n.frames)
        n.hub.stopping = True
        with pytest.raises(Stopped):
            next(n.frames)
        assert not issubclass(Stopped, Exception), "no node swallows it"


def test_a_batch_is_what_is_there_at_least_one_and_is_finished_as_a_whole() -> None:
    with node(prefetch=16) as n:
        give(n, *range(1, 8))
        five = batches(n.frames, 5)
        assert [frame.number for frame in next(five)] == [1, 2, 3, 4, 5]
        assert n.verdicts() == {}
        assert [frame.number for frame in next(five)] == [6, 7]
        n.until(lambda: sorted(n.verdicts()) == [1, 2, 3, 4, 5])
        assert sorted(released(n)) == [1, 2, 3, 4, 5]


def test_a_batch_waits_for_more_no_longer_than_it_was_told() -> None:
    with node() as n:
        give(n, 1)
        started = time.monotonic()
        [batch] = [next(batches(n.frames, 3, seconds=0.2))]
        assert [frame.number for frame in batch] == [1]
        assert time.monotonic() - started >= 0.2


def test_batches_ask_for_twice_their_size() -> None:
    with node(prefetch=2) as n:
        give(n, 1)
        next(batches(n.frames, 20))
        n.until(lambda: n.far.last().get("credit") == 40)


def test_a_batch_of_keep_latest_is_the_newest_frame_of_each_pusher_and_asks_and_waits_for_no_more() -> None:
    with node(keep="latest") as n:
        give(n, 1)
        began = time.monotonic()
        assert [frame.number for frame in next(batches(n.frames, 8, seconds=20.0))] == [1]
        assert time.monotonic() - began < 10.0
        n.until(lambda: n.far.last().get("open") == [1])
        assert {state["credit"] for state in n.far.hear()} == {1}


def test_a_pusher_that_has_ended_ends_the_batches() -> None:
    with node() as n:
        give(n, 1)
        n.far.ping(1, closed=True, end=True)
        assert [[frame.number for frame in batch] for batch in batches(n.frames, 3, seconds=5.0)] == [[1]]


def test_arrived_is_what_is_there_now_and_asking_on_finishes_the_last() -> None:
    with node() as n:
        assert list(arrived(n.frames)) == []
        give(n, 1, 2)
        assert [frame.number for frame in arrived(n.frames)] == [1, 2]
        n.until(lambda: n.verdicts() == {1: ("done", ""), 2: ("done", "")})
        assert not n.holding()


def test_closed_is_when_the_pusher_is_through_and_nothing_waits_and_a_new_life_takes_it_back() -> None:
    with node() as n:
        give(n, 1)
        n.far.ping(1, closed=True)
        n.until(lambda: n.frames.pulls[0].closed)
        assert not closed(n.frames)
        next(n.frames)
        assert closed(n.frames)
        n.far.ping(1, epoch="two")
        n.until(lambda: not closed(n.frames))


def test_plain_lists_work_as_inputs_do() -> None:
    frames = [Message(number=number) for number in range(5)]
    assert [[frame.number for frame in batch] for batch in batches(frames, 2)] == [[0, 1], [2, 3], [4]]
    assert list(arrived(frames)) == frames
    assert closed(frames)

    def source() -> Iterator[Message]:
        yield from frames

    rest = source()
    next(rest)
    assert list(arrived(rest)) == frames[1:]
