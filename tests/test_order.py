"""Order restored behind replicas: the numbers of each stream, one after the other, whatever comes in which order."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bus.order
from tests.peers import META, WAIT, Node, node


class Camera:
    """What the far end sends, each with the next n."""

    def __init__(self, n: Node, epoch: str = "one") -> None:
        self.node, self.epoch, self.n = n, epoch, 0

    def give(self, *numbers: int | None, tries: int = 0, **meta: Any) -> None:
        for number in numbers:
            self.n += 1
            self.node.far.give(self.n, meta={**META, "number": number, **meta}, epoch=self.epoch, tries=tries)

    def skip(self, first: int, last: int) -> None:
        self.n += 1
        meta = {"stream": "s", "number": first, "last": last}
        self.node.far.give(self.n, b"", kind="skip", meta=meta, epoch=self.epoch)

    def arrive(self) -> None:
        """Wait until all of it is here."""
        far = self.node.frames.pulls[0]._pushers[0]
        self.node.until(lambda: far.epoch == self.epoch and len(far.open) + len(far.held) + len(far.done) == self.n)


@pytest.fixture
def n() -> Iterator[Node]:
    with node(in_order=True) as made:
        yield made


def there(n: Node) -> list[int | None]:
    """The numbers of all that is handed out now."""
    numbers = []
    while message := n.frames.here():
        numbers.append(message.number)
    return numbers


def test_what_comes_too_early_waits_for_what_is_missing(n: Node) -> None:
    camera = Camera(n)
    camera.give(1, 2, 4)
    camera.arrive()
    assert there(n) == []
    assert not n.frames.ended
    assert n.frames.waits
    camera.give(0)
    camera.arrive()
    assert there(n) == [0, 1, 2]
    camera.give(3)
    camera.arrive()
    assert there(n) == [3, 4]
    assert not n.frames.waits


def test_each_stream_has_its_own_order_and_what_has_no_number_has_none(n: Node) -> None:
    camera = Camera(n)
    camera.give(0, 2)
    camera.give(0, 1, stream="other")
    camera.give(None)
    camera.arrive()
    assert there(n) == [0, 0, 1, None]


def test_what_waits_does_not_take_the_credit_that_what_is_missing_needs(n: Node) -> None:
    camera = Camera(n)
    camera.give(*range(1, 9))
    camera.arrive()
    n.until(lambda: n.far.last().get("held") == [*range(1, 9)])
    assert {number for state in n.far.hear() for number in state["released"]} == {*range(1, 9)}
    assert n.verdicts() == {}
    camera.give(9, 0)
    camera.arrive()
    assert there(n) == [*range(10)]


def test_numbers_that_do_not_come_hold_up_nobody_and_are_done_in_their_turn(n: Node) -> None:
    camera = Camera(n)
    camera.skip(1, 3)
    camera.give(4, 6)
    camera.skip(5, 5)
    camera.arrive()
    assert there(n) == []
    assert n.verdicts() == {}
    camera.give(0)
    camera.arrive()
    assert there(n) == [0, 4, 6]
    n.until(lambda: n.verdicts().keys() == {1, 2, 3, 4, 5})


def test_a_second_result_of_a_number_and_what_comes_twice_are_handed_out_as_they_come(n: Node) -> None:
    camera = Camera(n)
    camera.give(0, 0, 1, 0)
    camera.arrive()
    assert there(n) == [0, 0, 1, 0]


def test_what_user_code_fails_on_comes_again_before_what_is_behind_it(n: Node) -> None:
    camera = Camera(n)
    camera.give(0, 1, 2, 3)
    camera.arrive()
    assert next(n.frames).number == 0
    assert next(n.frames).number == 1
    n.failed(ValueError("a bad day"))
    assert there(n) == []
    camera.give(1, tries=1)  # as another n, which is all the same here
    n.until(lambda: n.frames.queue)
    assert there(n) == [1, 2, 3]


def test_what_a_dead_pusher_had_sent_comes_again_before_what_others_have_sent(n: Node) -> None:
    camera = Camera(n)
    camera.give(0, 1, 3)
    camera.arrive()
    again = Camera(n, "two")
    again.give(0)
    again.arrive()
    assert there(n) == [0]
    again.give(2, 1)
    again.arrive()
    assert there(n) == [1, 2]


def test_what_is_in_hand_is_not_waited_for_when_what_was_before_it_comes_again(n: Node) -> None:
    camera = Camera(n)
    camera.give(0, 1, 2)
    camera.arrive()
    assert [message.number for message in n.frames.batch(3, 0.0)] == [0, 1, 2]
    failed = n.frames.taken.pop(1)
    failed.pull.give_back(failed.item, False, "as if it had failed alone")
    camera.give(3, 1)
    n.until(lambda: len(n.frames.queue) == 2)
    assert there(n) == [1, 3]


def test_the_next_life_waits_for_nothing_that_is_finished() -> None:
    with tempfile.TemporaryDirectory(prefix="zg-test-") as folder:
        for epoch, (sent, handed_out) in {
            "one": ([0, 1, 2, 4], [0, 1, 2]),
            "two": ([4, 3, 5], [3, 4, 5]),  # 2 was in hand, but comes no more: it was let go of when more was asked for
        }.items():
            n = Node(Path(folder), in_order=True)
            try:
                camera = Camera(n, epoch)
                camera.give(*sent)
                camera.arrive()
                assert there(n) == handed_out
                n.until(lambda n=n: len(n.verdicts()) == 3)  # type: ignore[misc]
            finally:
                n.close()
                n.context.destroy(linger=0)


def test_what_was_in_hand_comes_first_in_the_next_life() -> None:
    with tempfile.TemporaryDirectory(prefix="zg-test-") as folder:
        for epoch, sent in (("one", [0, 1]), ("two", [2, 1])):
            n = Node(Path(folder), in_order=True)
            try:
                camera = Camera(n, epoch)
                camera.give(*sent)
                camera.arrive()
                first = [next(n.frames).number, next(n.frames).number]
                assert first == ([0, 1] if epoch == "one" else [1, 2])
                n.until(lambda n=n: n.verdicts())  # type: ignore[misc]
            finally:
                n.close()
                n.context.destroy(linger=0)


def test_a_number_that_nobody_sends_is_waited_for_for_a_while(n: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus.order, "PATIENCE", 0.7)
    said: list[str] = []
    n.frames.pulls[0]._incoming._order._say = said.append  # type: ignore[union-attr]
    camera = Camera(n)
    camera.give(3, 4, 6)
    camera.arrive()
    assert there(n) == []
    n.until(lambda: n.frames.queue)
    assert there(n) == [3, 4]
    n.until(lambda: n.frames.queue)
    assert said == [
        '"frames" goes on without number 0 to 2 of s, which did not come',
        '"frames" goes on without number 5 of s, which did not come',
    ]
    camera.give(5)
    camera.arrive()
    assert there(n) == [6, 5]


def test_when_no_pusher_makes_anything_new_what_waits_is_handed_out(n: Node) -> None:
    assert bus.order.PATIENCE > WAIT
    camera = Camera(n)
    camera.give(1, 3)
    n.far.ping(1, closed=True)
    n.until(lambda: len(n.frames.queue) == 1)
    n.until(lambda: len(n.frames.queue) == 2)
    assert there(n) == [1, 3]


def test_a_stream_that_begins_anew_is_put_in_order_anew(n: Node) -> None:
    camera = Camera(n)
    camera.give(0, 1, 2, 5, captured=1000)
    camera.arrive()
    camera.give(1, captured=5000)
    camera.arrive()
    assert there(n) == [0, 1, 2, 5]
    camera.give(6, captured=1001)  # of the old one
    camera.give(0, captured=4900)
    camera.arrive()
    assert there(n) == [6, 0, 1]


@pytest.mark.parametrize("meta", [{"number": "1"}, {"stream": 7}, {"number": None, "stream": None}])
def test_what_is_wrong_in_itself_is_rejected_at_once(n: Node, meta: dict[str, Any]) -> None:
    camera = Camera(n)
    camera.give(0, **meta)
    n.until(lambda: n.frames.queue)
    assert there(n) == []
    n.until(lambda: n.verdicts().get(1, ("",))[0] == "rejected")
