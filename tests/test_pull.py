"""The pulling end of a wire against a pusher that does what the test says."""

import json
import time
from collections import deque
from typing import Any

import pytest

from bus.header import MAX_HEADER
from bus.hub import BEAT
from bus.pull import Pull
from bus.pusher import Item
from tests.peers import Bench, FarPusher, bench

Queue = deque[tuple[Pull, Item]]


def finish(pull: Pull, queue: Queue, verdict: str = "done", reason: str = "") -> None:
    """User code takes the first of the queue, and it is finished."""
    _, item = queue.popleft()
    pull.release(item)
    pull.finish(item, verdict, reason)


def took(b: Bench, far: FarPusher, queue: Queue, count: int) -> None:
    for n in range(1, count + 1):
        far.give(n)
    b.until(lambda: len(queue) == count)


def told(far: FarPusher) -> list[list[Any]]:
    return [verdict for state in far.hear() for verdict in state["done"]]


def test_the_puller_speaks_first_and_says_everything_each_half_second() -> None:
    with bench() as b:
        _, far, queue = b.pull(prefetch=3)
        b.until(lambda: len(far.hear()) >= 3)
        first = far.hear()[0]
        assert (first["epoch"], first["credit"], first["open"], first["held"]) == ("", 3, [], [])
        assert first["hand"] == [["one", 5]], "what its last life died with"
        assert first["death"] == "node on host: was killed by SIGSEGV", "and how"
        took(b, far, queue, 2)
        far.ping(7)
        b.until(lambda: far.last().get("echo") == 7)
        assert (far.last()["epoch"], far.last()["open"]) == ("one", [1, 2])


def test_the_first_state_comes_with_the_connection_and_not_with_the_next_beat() -> None:
    def first_state() -> float:
        with bench() as b:
            started = time.monotonic()
            _, far, _ = b.pull()
            b.until(far.hear)
            return time.monotonic() - started

    assert min(first_state() for _ in range(5)) < BEAT / 2


def test_keep_latest_prefetches_one() -> None:
    with bench() as b:
        _, far, _ = b.pull(keep="latest", prefetch=8)
        b.until(far.hear)
        assert far.hear()[0]["credit"] == 1


def test_a_message_that_comes_twice_is_taken_once_and_one_that_is_done_is_reported_again() -> None:
    with bench() as b:
        pull, far, queue = b.pull()
        took(b, far, queue, 3)
        far.give(1)  # open
        pull.release(queue[1][1])
        far.give(2)  # held
        finish(pull, queue)
        b.until(lambda: told(far))
        before = len(far.hear())

        def said_again() -> bool:
            far.give(1)  # done
            return any(state["done"] == [[1, "done", ""]] for state in far.hear()[before:] if "open" not in state)

        b.until(said_again, "news, not only the whole state of each half second")
        far.give(5, low=6)  # below low
        far.give(4)
        b.until(lambda: queue[-1][1].n == 4)
        assert [item.n for _, item in queue] == [2, 3, 4]


def test_what_is_let_go_and_done_is_said_at_once_and_forgotten_below_low() -> None:
    with bench() as b:
        pull, far, queue = b.pull()
        took(b, far, queue, 2)
        pull.release(queue[1][1])
        finish(pull, queue, "rejected", "too dark")
        b.until(lambda: told(far))
        state = next(state for state in far.hear() if state["done"])
        assert (state["released"], state["done"]) == ([2, 1], [[1, "rejected", "too dark"]])
        far.ping(1, low=2)
        b.until(lambda: far.last().get("echo") == 1 and "open" in far.last())
        assert (far.last()["done"], far.last()["held"]) == ([], [2])


def test_a_new_life_of_the_pusher_voids_what_came_from_the_old_one() -> None:
    with bench() as b:
        pull, far, queue = b.pull()
        took(b, far, queue, 3)
        _, begun = queue.popleft()
        far.give(1, epoch="two")
        b.until(lambda: [item.epoch for _, item in queue] == ["two"])
        far.give(9)  # from the old life, late
        far.give(2, epoch="two")
        b.until(lambda: [(item.epoch, item.n) for _, item in queue] == [("two", 1), ("two", 2)])
        pull.release(begun)
        pull.finish(begun, "done", "")
        finish(pull, queue, "dropped")
        finish(pull, queue, "dropped")
        far.ping(1, epoch="two")
        b.until(lambda: told(far) and far.last().get("echo") == 1)
        assert [1, "done", ""] not in told(far)
        assert not queue


def test_the_end_is_believed_from_the_pusher_or_its_mark_and_a_new_life_takes_it_back() -> None:
    with bench() as b:
        pull, far, _ = b.pull()
        far.ping(1, closed=True)
        b.until(lambda: pull.closed)
        assert not pull.ended
        far.ping(2, closed=True, end=True)
        b.until(lambda: pull.ended)
        b.until(lambda: far.last().get("ended"))
        far.ping(1, epoch="two")
        b.until(lambda: not pull.ended and not pull.closed)
        b.marks.keep("far.1", "two")
        b.until(lambda: pull.ended)


def test_words_of_any_length_and_verdicts_of_any_number_fit_into_headers() -> None:
    with bench() as b:
        pull, far, queue = b.pull()
        took(b, far, queue, 600)
        given_back, rejected = [item for _, item in list(queue)[:60]], 540
        for item in given_back:
            queue.popleft()
            pull.give_back(item, True, "\N{SNOWMAN}" * 1000)
        while queue:
            finish(pull, queue, "rejected", "\N{SNOWMAN}" * 1000)
        b.until(lambda: len({n for n, _, _ in told(far)}) == rejected)
        b.until(lambda: sum(len(state["returned"]) for state in far.hear()) == 60)
        assert max(len(json.dumps(state)) for state in far.hear()) < MAX_HEADER


def test_a_pusher_whose_low_stands_still_does_not_grow_the_state_or_the_memory_without_bound() -> None:
    with bench() as b:
        pull, far, queue = b.pull()
        took(b, far, queue, 1)
        for n in range(2, 10_001):
            far.give(n)
            if n % 500 == 0:
                b.until(lambda n=n: queue[-1][1].n == n)  # type: ignore[misc]
                while len(queue) > 1:
                    item = queue.pop()[1]
                    pull.release(item)
                    pull.finish(item, "done", "")
        far.ping(1)
        b.until(lambda: far.last().get("echo") == 1)
        assert len({n for n, _, _ in told(far)}) == 9_999
        assert max(len(json.dumps(state)) for state in far.hear()) < MAX_HEADER


WRONG_FIELDS: dict[str, list[Any]] = {
    "v": [0, "1", None, True], "kind": ["hello", 5, ["message"]], "epoch": [None, 5, {}], "low": [-1, 2**63, "1", 1.0],
    "n": [-1, 2**63, True, "1", None, [1]], "tries": [-1, "0", 2**64], "meta": [None, [], "x"],
}  # fmt: skip
WRONG_PING_FIELDS: dict[str, list[Any]] = {"ping": [-1, "1", None], "closed": [0, "yes"], "end": [1, None]}


@pytest.mark.parametrize(("field", "value"), [(f, value) for f, wrong in WRONG_FIELDS.items() for value in wrong])
def test_a_message_with_a_wrong_field_is_ignored_with_a_line(field: str, value: Any) -> None:
    with bench() as b:
        _, far, queue = b.pull()
        far.give(1, **{field: value})
        far.give(2)
        b.until(lambda: queue)
        assert [item.n for _, item in queue] == [2]
        assert len(b.said) == 1
        assert b.said[0].startswith('ignores what far.1 sent on "frames": a ')


@pytest.mark.parametrize(("field", "value"), [(f, value) for f, wrong in WRONG_PING_FIELDS.items() for value in wrong])
def test_a_ping_with_a_wrong_field_is_ignored_with_a_line(field: str, value: Any) -> None:
    with bench() as b:
        pull, far, queue = b.pull()
        far.ping(1, **{"closed": True, "end": True, field: value})
        far.give(1)
        b.until(lambda: queue)
        assert not pull.closed
        assert b.said == [f'ignores what far.1 sent on "frames": a ping whose {field} is of a wrong kind']


def test_parts_that_are_no_message_are_ignored_with_one_line_a_kind() -> None:
    with bench() as b:
        _, far, queue = b.pull()
        for _ in range(50):
            far.send(b"alone")
            far.send(b"{}", b"", b"")
            far.send(b"not json", b"")
            far.send(b'{"v": 1, "low": ' + b"[" * 60_000, b"")
            far.send(b'{"v": 1, "kind": "\xff"}', b"")
            far.send(b"[]", b"")
            far.send(b'{"v": 1}', b"")
            far.send(b" " * 70_000, b"")
        far.give(1)
        b.until(lambda: queue)
        reasons = [line.partition('"frames": ')[2] for line in b.said]
        assert sorted(reasons) == [
            "a header of more than 65536 bytes",
            "a header that is not JSON",
            "a header that is not of version 1 of the wire",
            "a message that is not two parts",
            "a message without kind",
        ]
