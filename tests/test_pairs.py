"""Two inputs in step: what belongs together is one unit, and what is alone is let go of."""

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

import bus.node
import bus.pairs
from bus import Message, pair
from bus.link import Pipe
from bus.marks import Marks
from tests.conftest import until
from tests.peers import META, WAIT, FarPuller, FarPusher

MS = 1_000_000  # nanoseconds
SIDES = ("left", "right")


class Two(bus.node.Node):
    """A node in this process with two inputs, and one wire out."""

    def __init__(self, folder: Path) -> None:
        self.context = zmq.Context[zmq.Socket[bytes]]()
        self.far = {side: FarPusher(self.context, f"ipc://{folder}/{side}") for side in SIDES}
        self.beyond = FarPuller(self.context, f"ipc://{folder}/out")
        pull = [Pipe(f"ipc://{folder}/{side}", wire=side, peer="far.1", input=side) for side in SIDES]
        push = [Pipe(f"ipc://{folder}/out", wire="out", peer="beyond.1")]
        given = Namespace(name="node.1", run=folder, key=None, grant=[], trace=False, pull=pull, push=push)
        super().__init__(given, dict.fromkeys(SIDES, True), Marks(folder, "node.1"))
        self.given = dict.fromkeys(SIDES, 0)
        self.hub.start()

    def give(self, side: str, *numbers: int | None, **meta: Any) -> None:
        for number in numbers:
            self.given[side] += 1
            captured = 1000 * MS + (number or 0) * 40 * MS
            self.far[side].give(self.given[side], meta={**META, "number": number, "captured": captured, **meta})

    def skip(self, side: str, first: int, last: int) -> None:
        self.given[side] += 1
        meta = {"stream": "s", "number": first, "last": last}
        self.far[side].give(self.given[side], b"", kind="skip", meta=meta)

    def pairs(self, within: float | None = None) -> Iterator[tuple[int | None, int | None]]:
        for left, right in pair(self.inputs["left"], self.inputs["right"], within):
            yield left.number, right.number

    def told(self, side: str) -> dict[int, tuple[str, str]]:
        return {n: (verdict, why) for state in self.far[side].hear() for n, verdict, why in state["done"]}

    def served(self, condition: Any) -> None:
        def holds() -> Any:
            self.breathe()
            return condition()

        until(holds, WAIT)


@pytest.fixture
def two() -> Iterator[Two]:
    with tempfile.TemporaryDirectory(prefix="zg-test-") as folder:
        made = Two(Path(folder))
        try:
            yield made
        finally:
            made.close()
            made.context.destroy(linger=0)


def test_by_number_partners_are_of_one_stream_and_number_in_whatever_order_they_come(two: Two) -> None:
    two.give("left", 0, 1, 2)
    two.give("right", 2, 0)
    two.give("right", 1, stream="other")
    two.give("right", 1)
    pairs = two.pairs()
    assert sorted(next(pairs) for _ in range(3)) == [(0, 0), (1, 1), (2, 2)]


def test_by_time_partners_are_the_nearest_and_streams_do_not_matter(two: Two) -> None:
    base = 1000 * MS
    two.give("right", 70, 71, captured=base + 15 * MS, stream="other")
    two.give("right", 72, captured=base - 3 * MS, stream="other")
    two.give("right", 73, captured=base + 45 * MS, stream="other")
    two.served(lambda: len(two.inputs["right"].queue) == 4)
    two.give("left", 0, 1)
    pairs = two.pairs(within=0.02)
    assert [next(pairs), next(pairs)] == [(0, 72), (1, 73)]


def test_a_pair_is_one_unit_and_asking_for_the_next_finishes_both(two: Two) -> None:
    two.give("left", 0, 1)
    two.give("right", 0, 1)
    pairs = two.pairs()
    next(pairs)
    assert len(two.holding()) == 2
    two.served(lambda: two.far["left"].last() and two.far["right"].last())
    assert two.told("left") == two.told("right") == {}
    next(pairs)
    two.beyond.say(open=[])
    two.served(lambda: two.beyond.hear() == [1, 2])
    two.beyond.say(open=[], done=[(n, "done", "") for n in (1, 2)])
    two.served(lambda: two.told("left").keys() == two.told("right").keys() == {1})


@pytest.mark.parametrize("verdict", ["done", "rejected"])
def test_what_is_made_of_one_is_made_of_both(two: Two, verdict: str) -> None:
    two.give("left", 0, 1)
    two.give("right", 0, 1)
    pairs = pair(two.inputs["left"], two.inputs["right"])
    left, _ = next(pairs)
    two.send(left.replace(b"both"))
    next(pairs)
    two.beyond.say(open=[])
    two.served(lambda: two.beyond.hear() == [1])
    assert two.beyond.got[0][0]["kind"] == "message"
    two.beyond.say(open=[], done=[(1, verdict, "so")])
    two.served(lambda: two.told("left") and two.told("right"))
    assert two.told("left")[1][0] == two.told("right")[1][0] == verdict


def test_what_waits_is_not_in_hand_and_gives_its_credit_back(two: Two) -> None:
    two.give("left", *range(1, 10))
    two.give("right", 9)
    assert next(two.pairs()) == (9, 9)
    assert [taken.message.number for taken in two.holding()] == [9, 9]
    two.served(lambda: two.far["left"].last().get("held") == [*range(1, 9)])
    assert two.told("left") == {}


def test_what_the_other_side_says_will_not_come_is_waited_for_no_longer(two: Two) -> None:
    two.skip("right", 0, 3)
    two.give("left", 0, 4)
    two.give("right", 4)
    assert next(two.pairs()) == (4, 4)
    two.beyond.say(open=[])
    two.served(lambda: two.beyond.hear() == [1, 2])
    two.beyond.say(open=[], done=[(n, "done", "") for n in (1, 2)])
    two.served(lambda: 1 in two.told("left"))
    verdict, why = two.told("left")[1]
    assert verdict == "dropped"
    assert why.endswith("nothing of the same number came on the other input")


def test_by_time_what_the_other_side_has_passed_is_let_go(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    two.give("left", 0, 1)
    two.give("right", 1, 2)
    pairs = two.pairs(within=0.02)
    assert next(pairs) == (1, 1)
    two.give("left", 3)
    two.give("right", 3)
    assert next(pairs) == (3, 3)
    assert [len(two.inputs[side].queue) for side in SIDES] == [1, 1], "they may still be sent again"
    monkeypatch.setattr(bus.pairs, "GRACE", 0.0)
    two.give("left", 50)
    two.served(lambda: len(two.inputs["left"].queue) == 2)
    two.give("right", 60, 50)
    assert next(pairs) == (50, 50)
    assert [item.meta["number"] for side in SIDES for _, item in two.inputs[side].queue] == [60]


def test_a_number_is_given_up_when_many_later_ones_have_come(two: Two) -> None:
    for side in SIDES:
        two.give(side, *range(side == "right", 70))
    pairs = two.pairs()
    assert [next(pairs) for _ in range(69)] == [(number, number) for number in range(1, 70)]
    two.served(lambda: not two.inputs["right"].queue)
    assert not two.inputs["left"].queue


def test_the_pairs_end_with_an_input_and_what_is_alone_then_is_dropped(two: Two) -> None:
    two.give("left", 0, 1)
    two.give("right", 0)
    pairs = two.pairs()
    assert next(pairs) == (0, 0)
    two.far["right"].ping(1, closed=True, end=True)
    two.beyond.say(open=[])
    with pytest.raises(StopIteration):
        next(pairs)


def test_who_makes_nothing_new_leaves_what_is_alone_on_the_other_side_alone_for_good(two: Two) -> None:
    two.give("left", 0, 1)
    two.give("right", 0)
    two.far["right"].ping(1, closed=True)
    two.far["left"].ping(1, closed=True)
    pairs = two.pairs()
    assert next(pairs) == (0, 0)
    two.far["left"].ping(2, closed=True, end=True)
    with pytest.raises(StopIteration):
        next(pairs)
    assert not two.inputs["left"].queue


def test_pairs_that_are_there_are_handed_out_however_late_they_are_asked_for(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus.pairs, "CLOSING", 0.0)
    for side in SIDES:
        two.give(side, *range(5))
        two.far[side].ping(1, closed=True, end=True)
    two.served(lambda: all(source.pulls[0].closed and len(source.queue) == 5 for source in two.inputs.values()))
    pairs = two.pairs()
    assert [next(pairs) for _ in range(5)] == [(number, number) for number in range(5)]


def test_two_sides_that_wait_for_each_other_in_vain_let_go_of_the_first(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus.pairs, "PATIENCE", 0.3)
    two.give("left", 0)
    two.served(lambda: two.inputs["left"].queue)
    two.give("right", 1)
    two.far["left"].ping(1, closed=True, end=True)
    with pytest.raises(StopIteration):
        next(two.pairs())
    assert not two.inputs["left"].queue
    assert two.inputs["right"].queue


def test_a_failure_is_laid_to_both_and_what_waits_is_still_there(two: Two) -> None:
    two.give("left", 0, 1)
    two.give("right", 0)
    pairs = two.pairs()
    next(pairs)
    two.failed(ValueError("no"))
    two.served(lambda: all(any(state["returned"] for state in two.far[side].hear()) for side in SIDES))
    for side in SIDES:
        [returned] = [one for state in two.far[side].hear() for one in state["returned"]]
        assert returned[:2] == [1, True]
    two.give("right", 1)
    assert next(two.pairs()) == (1, 1)


def test_plain_lists_are_paired_likewise() -> None:
    left = [Message(b"", stream="s", number=number, captured=1000 + number * 40 * MS) for number in (0, 1, 2)]
    right = [Message(b"", stream="s", number=number, captured=1000 + number * 41 * MS) for number in (2, 0, 5)]

    assert [(a.number, b.number) for a, b in pair(left, right)] == [(0, 0), (2, 2)]
    assert [(a.number, b.number) for a, b in pair(left, right, within=0.01)] == [(0, 0), (2, 2)]
    assert [*pair(left, [], within=1.0)] == []


def test_a_node_with_replicas_may_not_pair(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    two.name = "overlay.2"

    with pytest.raises(SystemExit) as ended:
        next(two.pairs())

    assert ended.value.code == 2
    words = "overlay pairs its inputs, and what belongs together may reach two replicas: give it one"
    assert words in capsys.readouterr().out
