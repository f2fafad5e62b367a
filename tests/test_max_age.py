"""max_age: what has become too old is dropped before it is sent, counted by its reason, and its owner hears of it."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.peers import META, Told, bench
from tests.wiring import PATIENCE, SINK, Graph

TOO_OLD = ("dropped", 'was over 0.2 s old before "frames" could take it')


def now() -> int:
    return time.time_ns()


def test_what_nobody_takes_in_time_is_dropped_and_makes_room_for_what_is_new() -> None:
    with bench() as b:
        push, [far] = b.push("far.1", max_age=0.2)
        told = Told()
        for number in (1, 2, 3):
            b.until(push.room)
            push.put({**META, "number": number, "captured": now()}, b"x", partial(told.hear, number))
            assert not push.room()
        b.until(lambda: len(told.verdicts) == 3)
        assert set(told.verdicts.values()) == {TOO_OLD}
        assert b.books["outdated"] == 3
        far.say(open=[])
        b.until(lambda: far.hear())
        [(skip, _)] = far.got
        assert (skip["kind"], skip["meta"]) == ("skip", {"stream": "s", "number": 1, "last": 3})


def test_the_age_is_that_since_capture_or_where_that_is_not_known_since_the_yield() -> None:
    with bench() as b:
        push, [far] = b.push("far.1", max_age=5.0)
        told, old = Told(), now() - 10**10
        far.say(open=[])
        push.put({**META, "captured": old}, b"x", partial(told.hear, 1))
        push.put({**META, "captured": old, "time": "written"}, b"y", partial(told.hear, 2))
        push.put({**META, "captured": now() + 10**10}, b"z", partial(told.hear, 3))
        b.until(lambda: [payload for header, payload in (far.hear(), far.got)[1] if payload] == [b"y", b"z"])
        assert {n: verdict for n, (verdict, _) in told.verdicts.items()} == {1: "dropped"}


def test_what_is_redelivered_is_dropped_too_if_it_has_become_too_old() -> None:
    with bench() as b:
        push, [first, other] = b.push("first.1", "other.1", max_age=0.2)
        first.say(open=[], incarnation="first")
        told = Told()
        push.put({**META, "captured": now()}, b"x", partial(told.hear, 1))
        b.until(lambda: first.hear() == [1])
        time.sleep(0.3)
        assert not told.verdicts, "it was sent in time"
        first.data.close(linger=0)
        b.until(lambda: told.verdicts == {1: TOO_OLD})
        other.say(open=[], incarnation="other")
        b.until(lambda: other.hear() and other.got[0][0]["kind"] == "skip")


def test_a_message_in_time_is_not_touched() -> None:
    with bench() as b:
        push, [far] = b.push("far.1", max_age=60.0)
        far.say(open=[])
        told = Told()
        for number in range(1, 9):
            push.put({**META, "number": number, "captured": now()}, b"x", partial(told.hear, number))
        b.until(lambda: far.hear() == [*range(1, 9)])
        far.say(done=[(n, "done", "") for n in range(1, 9)])
        b.until(lambda: push.idle)
        assert b.books["outdated"] == 0


@pytest.mark.parametrize(("keep", "pause"), [("all", "0.002"), ("latest", "0.07")])
def test_the_books_count_what_was_too_old_and_the_owner_hears_it(tmp_path: Path, keep: str, pause: str) -> None:
    live = """
import time
from bus import Message

def source(*, count=30):
    for number in range(count):
        yield Message(b"%d" % number, stream="s", number=number, name=f"s-{number:06d}.bin")
        time.sleep({pause})
"""
    slow = SINK.replace(
        "    for frame in frames:\n", "    import time\n    for frame in frames:\n        time.sleep(0.1)\n"
    )
    with Graph(tmp_path) as graph:
        graph.node("source", live.replace("{pause}", pause), push="frames")
        graph.node("sink", slow, pull="frames")
        graph.wire("frames", f",keep={keep},prefetch=1,max_age=0.05")
        graph.start()
        graph.finish(seconds=PATIENCE)
        books, saved = graph.books("source.1"), graph.saved()
    assert (books["taken"], books["dead"], books["on_the_way"]) == (30, 0, 0)
    assert books["done"] == len(saved) > 0
    assert books["outdated"] > 0
    assert books["outdated"] + books["passed_over"] == books["dropped"] == 30 - len(saved)
