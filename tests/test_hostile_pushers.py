"""A pusher that has the right key and keeps to nothing else: refused, counted, said once, and nothing grows."""

import json
import pickle
from contextlib import suppress
from pathlib import Path

import pytest
import zmq

from tests import memory
from tests.conftest import until
from tests.known import keyed
from tests.peers import META
from tests.wiring import SINK, Graph

MB = 1024 * 1024
BOMBS = {
    "brackets": b"[" * 60_000,
    "braces": b'{"a":' * 10_000,
    "digits": b'{"v":' + b"9" * 60_000 + b"}",
    "exponent": b'{"v":1e999999999}',
    "over 64 KiB": b" " * 65_537,
    "a string": json.dumps({"v": 1, "kind": "message", "epoch": "x" * 60_000, "low": 1}).encode(),
    "keys": json.dumps({str(n): n for n in range(5_000)}).encode(),
    "half a character": b'{"v":1,"kind":"\xff"}',
    "nothing": b"",
}


def test_one_or_three_parts_are_ignored_counted_and_said_once() -> None:
    with keyed() as b:
        _, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        for _ in range(100):
            far.send(b"{}")
            far.send(b"{}", b"", b"")
            far.send(*[b"x"] * 1000)
        b.until(lambda: b.refused == 300)
        assert b.said == ['ignores what far.1 sent on "frames": a message that is not two parts']
        far.give(1)
        b.until(lambda: len(queue) == 1)


def test_pickle_bytes_are_ignored_counted_and_said_once() -> None:
    with keyed() as b:
        b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        for _ in range(100):
            far.send(pickle.dumps({"v": 1, "kind": "ping"}), b"")
        b.until(lambda: b.refused == 100)
        assert b.said == ['ignores what far.1 sent on "frames": a header that is not JSON']


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_header_bomb_is_ignored_and_counted_and_takes_no_memory(bomb: bytes) -> None:
    with keyed() as b:
        b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.send(bomb, b"")
        b.until(lambda: b.refused == 1)
        before = memory.peak()
        for _ in range(300):
            far.send(bomb, b"")
        b.until(lambda: b.refused == 301)
        assert memory.peak() - before < 60_000
        assert len(b.said) == 1


def test_a_65_mib_part_ends_its_connection_and_the_next_message_comes() -> None:
    with keyed() as b:
        _, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.send(b"{}", bytes(65 * MB))
        far.data.setsockopt(zmq.SNDTIMEO, 0)
        b.serve()

        def comes() -> bool:
            with suppress(zmq.Again):
                far.give(1)
            return bool(queue)

        b.until(comes)
        assert queue[0][1].n == 1


def test_more_than_the_credit_is_not_kept() -> None:
    with keyed() as b:
        pull, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        for n in range(1, 501):
            far.give(n, bytes(10_000))
        b.until(lambda: b.refused == 500 - 2 * pull.credit)
        assert len(queue) == 2 * pull.credit
        assert b.said == ['ignores what far.1 sent on "frames": more than it was given credit for']


def test_large_payloads_are_kept_up_to_twice_the_largest_part() -> None:
    with keyed() as b:
        _, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        for n in range(1, 5):
            far.give(n, bytes(50 * MB))
        b.until(lambda: b.refused == 2)
        assert [item.n for _, item in queue] == [1, 2]


def test_a_new_life_with_every_message_leaves_nothing_behind() -> None:
    with keyed() as b:
        pull, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        for number in range(5_000):
            far.give(1, epoch=f"life {number}")
            if number % 200 == 0:
                b.serve(1)
        b.until(lambda: queue and queue[0][1].epoch == "life 4999")
        assert len(queue) == 1
        assert len(pull._pushers[0].gone._names) <= 1024


def test_one_that_repeats_itself_and_never_listens_is_remembered_once() -> None:
    with keyed() as b:
        pull, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.give(1)
        b.until(lambda: queue)
        item = queue.popleft()[1]
        pull.release(item)
        pull.finish(item, "done", "")
        far.state.close(linger=0)
        b.serve()
        for _ in range(2_000):
            far.give(1)
            b.hub.serve()
        b.serve()
        assert len(pull._pushers[0].finished) <= 1
        assert pull._pushers[0].released == []


def test_another_graph_with_every_ping_is_said_once_and_in_short() -> None:
    with keyed() as b:
        b.pulls(b.pipe("far.1", contract="one"))
        far = b.pusher("far.1")
        b.settle(far)
        for number in range(100):
            far.ping(number, contract=f"{number}" * 20_000)
        far.send(b"{}", b"")
        b.until(lambda: b.refused)
        [line] = [line for line in b.said if "waits" in line]
        assert len(line) < 1500


def test_a_header_that_names_a_local_file_is_rejected_though_its_folder_is_granted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with keyed() as b, Graph(tmp_path) as graph:
        pipe = b.pipe("far.1")
        graph.node("sink", SINK, f"--pull={pipe}", f"--key={b.marks.own.parent}/own.key", f"--grant={tmp_path}")  # type: ignore[union-attr]
        graph.start()
        far = b.pusher("far.1")
        meta = {**META, "file": f"{tmp_path}/secret"}
        until(lambda: far.hear(), 20)
        far.give(1, b"", meta=meta)
        until(lambda: any(state["done"] for state in far.hear()), 20)
        [done] = next(state["done"] for state in far.hear() if state["done"])
        assert done[:2] == [1, "rejected"]
        assert "lies below no granted folder" in done[2]
        assert graph.saved() == {}
