"""A replica that leaves gives back what waits in its inputs, however user code asks for it."""

import signal
from collections.abc import Callable, Iterator

import pytest

from bus import Message, Stopped, arrived, batches, closed, pair
from bus.farewell import SILENT
from tests.conftest import until
from tests.peers import META, WAIT, Node, node
from tests.test_inputs import give
from tests.test_pairs import Two, two  # noqa: F401 (a fixture)

ASKED = bytes([signal.SIGUSR1])


def leave(n: Node | Two) -> None:
    with n.hub.lock:
        n.leaving.hear(ASKED)


def await_(n: Node | Two, condition: Callable[[], object]) -> None:
    """Serve its wires until that is so; user code asks for nothing meanwhile."""

    def served() -> object:
        with n.hub.lock:
            n.hub.serve()
        return condition()

    until(served, WAIT)


def returned(n: Node) -> list[int]:
    """What was given back, in this order; nobody is guilty of anything."""
    said = [one for state in n.far.hear() for one in state["returned"]]
    assert not any(guilty for _, guilty, _ in said)
    return [number for number, _, _ in said]


def test_what_waits_goes_back_in_its_order_and_what_is_in_hand_is_finished() -> None:
    with node() as n:
        give(n, 1, 2, 3, 4)
        assert next(n.frames).number == 1
        leave(n)
        await_(n, lambda: returned(n) == [2, 3, 4])
        assert n.far.last()["credit"] == 0
        assert n.far.last()["open"] == [1]
        n.far.give(5)
        await_(n, lambda: returned(n) == [2, 3, 4, 5])
        with pytest.raises(Stopped):
            next(n.frames)
        await_(n, lambda: n.verdicts() == {1: ("done", "")})


def test_it_goes_when_its_pusher_has_heard_its_last_word() -> None:
    with node() as n:
        give(n, 1)
        next(n.frames)
        leave(n)
        with pytest.raises(Stopped):
            next(n.frames)
        await_(n, lambda: n.verdicts() == {1: ("done", "")})
        [pull] = n.frames.pulls
        last = n.far.last()["leaving"]
        n.far.ping(1, left=last - 1)
        await_(n, lambda: n.far.last()["echo"] == 1)
        heard = pull._pushers[0].heard
        assert not pull.is_through(heard)
        assert pull.is_through(heard + SILENT + 1), "a pusher that is not there, or of those that do not tell"
        n.far.ping(2, left=n.far.last()["leaving"])
        await_(n, lambda: n.far.last()["echo"] == 2)
        assert pull.is_through(pull._pushers[0].heard)


def test_the_beginning_of_a_batch_goes_back() -> None:
    with node(prefetch=16) as n:
        give(n, 1, 2, 3)
        n.frames.pulls[0].widen(8)
        with n.hub.lock:
            for _ in range(2):
                assert n.frames._take()  # as batch() does while it waits for more
        leave(n)
        await_(n, lambda: returned(n) == [1, 2, 3])
        assert n.holding() == []
        with pytest.raises(Stopped):
            next(batches(n.frames, 8))


def test_a_batch_in_hand_is_finished_as_a_whole() -> None:
    with node(prefetch=16) as n:
        give(n, 1, 2, 3)
        flow = batches(n.frames, 2)
        assert len(next(flow)) == 2
        leave(n)
        await_(n, lambda: returned(n) == [3])
        with pytest.raises(Stopped):
            next(flow)
        await_(n, lambda: n.verdicts() == {1: ("done", ""), 2: ("done", "")})


def test_what_has_arrived_may_still_be_passed_on() -> None:
    with node() as n:
        give(n, 1, 2)
        flow = arrived(n.frames)
        assert next(flow).number == 1
        leave(n)
        assert not closed(n.frames), "it has something in hand"
        with pytest.raises(StopIteration):
            next(flow)
        with pytest.raises(Stopped):
            next(arrived(n.frames))
        with pytest.raises(Stopped):
            closed(n.frames)


def test_what_waits_for_its_turn_goes_back_too() -> None:
    with node(in_order=True) as n:
        for at, number in enumerate((0, 2, 3), 1):
            n.far.give(at, meta={**META, "number": number})
        [pusher] = n.frames.pulls[0]._pushers
        await_(n, lambda: len(pusher.open) == 1 and len(pusher.held) == 2)
        assert next(n.frames).number == 0
        leave(n)
        await_(n, lambda: returned(n) == [2, 3])
        assert not n.frames.waits
        with pytest.raises(Stopped):
            next(n.frames)
        await_(n, lambda: n.verdicts() == {1: ("done", "")})


def test_what_waits_for_a_partner_goes_back_and_a_pair_is_finished(two: Two) -> None:  # noqa: F811
    two.give("left", 0, 1)
    two.give("right", 0)
    pairs = pair(two.inputs["left"], two.inputs["right"])
    assert [message.number for message in next(pairs)] == [0, 0]
    leave(two)
    with pytest.raises(Stopped):
        next(pairs)
    left, right = (two.far[side] for side in ("left", "right"))
    await_(two, lambda: {n for state in left.hear() for n, _, _ in state["returned"]} == {2})
    assert not [state for state in right.hear() if state["returned"]]


def test_after_its_input_has_ended_a_node_says_all_that_it_has_to_say() -> None:
    with node(outputs=1) as n:
        n.far.ping(1, closed=True, end=True)
        n.beyond[0].say(open=[])

        def flow(frames: Iterator[Message]) -> Iterator[Message]:
            assert not [*frames]
            leave(n)
            for number in range(3):
                yield Message(b"sum", stream="sums", number=number)

        n.work(flow, {})
        await_(n, lambda: n.beyond[0].hear() == [1, 2, 3])
