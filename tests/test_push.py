"""The pushing end of a wire against a puller that does what the test says."""

import json
import time
from typing import Any

import pytest
import zmq

from bus.push import Push
from tests.conftest import until
from tests.peers import Bench, FarPuller, Told, bench

MEGABYTE = 1024 * 1024


def greeted(bench: Bench, **fields: Any) -> tuple[Push, FarPuller, Told]:
    push, [far] = bench.push("far.1")
    far.say(open=[], **fields)
    return push, far, Told()


def test_nothing_is_sent_before_the_puller_has_spoken() -> None:
    with bench() as b:
        push, [far] = b.push("far.1")
        told = Told()
        told.put(push, 1)
        for _ in range(20):
            b.hub.serve(0.005)
        assert far.hear() == []
        assert not push.room()
        far.say(open=[])
        b.until(lambda: far.hear() == [1])
        assert push.room()


def test_credit_bounds_what_user_code_has_not_let_go_of() -> None:
    with bench() as b:
        push, far, told = greeted(b, credit=3)
        told.put(push, *range(1, 6))
        b.until(lambda: far.hear() == [1, 2, 3])
        far.say(credit=3, released=[1, 2])
        b.until(lambda: far.hear() == [1, 2, 3, 4, 5])


def test_sixty_four_messages_are_unfinished_at_most() -> None:
    with bench() as b:
        push, far, told = greeted(b, credit=1000)
        told.put(push, *range(1, 101))
        b.until(lambda: len(far.hear()) == 64)
        far.say(credit=1000, released=far.hear())
        for _ in range(20):
            b.hub.serve(0.005)
        assert len(far.hear()) == 64
        far.say(credit=1000, done=[(n, "done", "") for n in range(1, 11)])
        b.until(lambda: len(far.hear()) == 74)


def test_sixty_four_megabytes_are_unfinished_at_most_but_always_one_message() -> None:
    with bench() as b:
        push, far, told = greeted(b, credit=1000)
        told.put(push, 1, payload=bytes(65 * MEGABYTE))
        told.put(push, *range(2, 8), payload=bytes(16 * MEGABYTE))
        b.until(lambda: far.hear() == [1])
        far.say(credit=1000, done=[(1, "done", "")])
        b.until(lambda: far.hear() == [1, 2, 3, 4, 5])
        assert not push.room()
        far.say(credit=1000, done=[(2, "done", "")])
        b.until(lambda: far.hear() == [1, 2, 3, 4, 5, 6])


def test_the_least_busy_puller_gets_the_next_message() -> None:
    with bench() as b:
        push, [slow, fast] = b.push("slow.1", "fast.1")
        for far in (slow, fast):
            far.say(open=[], incarnation=str(far))
        told = Told()
        b.until(lambda: slow.hear() == fast.hear() == [] and slow.epoch and fast.epoch)
        for number in range(1, 21):
            told.put(push, number)
            b.until(lambda n=number: n in slow.hear() + fast.hear())  # type: ignore[misc]
            if number in fast.hear():
                fast.say(released=[number], done=[(number, "done", "")], incarnation=str(fast))
                b.until(lambda n=number: n in told.verdicts)  # type: ignore[misc]
        assert len(slow.hear()) <= 2


def test_what_a_whole_state_does_not_know_was_lost_on_the_way_and_is_sent_again() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1, 2, 3)
        b.until(lambda: far.hear() == [1, 2, 3] and far.echo)
        far.say(open=[1], held=[3], echo=far.echo)
        b.until(lambda: far.hear() == [1, 2, 3, 2])


def test_what_was_sent_after_the_echoed_ping_is_not_lost_yet() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        b.until(lambda: far.hear() == [] and far.echo)
        told.put(push, 1)
        b.until(lambda: far.hear() == [1])
        for _ in range(20):
            far.say(open=[], echo=1)
            b.hub.serve(0.005)
        assert far.hear() == [1]


def test_a_new_life_of_the_puller_gets_what_the_last_one_had_and_late_words_of_that_one_still_count() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1, 2, 3)
        b.until(lambda: far.hear() == [1, 2, 3])
        far.say(open=[], incarnation="two")
        b.until(lambda: far.hear() == [1, 2, 3, 1, 2, 3])
        far.say(done=[(2, "done", "")], released=[1, 3], credit=0)
        b.until(lambda: told.verdicts == {2: ("done", "")})
        told.put(push, *range(4, 10))
        b.until(lambda: far.hear()[6:] == [4, 5, 6, 7, 8, 9], "the credit of a life that is gone counts for nothing")


def test_guilty_is_who_was_in_the_hand_once_for_each_life_and_the_third_time_is_the_last() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1, 2)
        b.until(lambda: far.hear() == [1, 2])
        for tries, life in enumerate(("two", "three"), 1):
            for _ in range(3):
                far.say(open=[], incarnation=life, hand=[[far.epoch, 1], ["another epoch", 2]])
            b.until(lambda k=tries: far.hear()[-1] == 1 and far.got[-1][0]["tries"] == k)  # type: ignore[misc]
            assert not told.verdicts
        far.say(open=[], incarnation="four", hand=[[far.epoch, 1]])
        b.until(lambda: far.hear()[-1] == 3, "downstream hears that it will not come")
        assert far.got[-1][0]["kind"] == "skip"
        assert far.got[-1][0]["meta"] == {"stream": "s", "number": 1, "last": 1}
        assert not told.verdicts, "before the owner acts"
        far.say(open=[], incarnation="four", done=[[3, "done", ""]])
        b.until(lambda: told.verdicts)
        assert told.verdicts == {1: ("rejected", "killed far.1 (3 times)")}


def test_a_dead_letter_has_the_words_of_the_last_death() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1)
        b.until(lambda: far.hear() == [1])
        for life, death in enumerate(("exited with 9", "was killed by SIGSEGV", "holds 300 MB")):
            far.say(open=[], incarnation=f"{life}", hand=[[far.epoch, 1]], death=f"far on robot: {death}")
        b.until(lambda: far.hear()[-1] != 1)
        far.say(open=[], incarnation="2", done=[[far.hear()[-1], "done", ""]])
        b.until(lambda: told.verdicts)
        assert told.verdicts == {1: ("rejected", "far on robot: holds 300 MB (3 times)")}


def test_a_guilty_message_travels_alone() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1, 2, 3)
        b.until(lambda: far.hear() == [1, 2, 3])
        far.say(returned=[(2, True, "ValueError: no")])
        for _ in range(20):
            b.hub.serve(0.005)
        assert far.hear() == [1, 2, 3], "not beside others"
        told.put(push, 4)
        far.say(released=[1, 3])
        b.until(lambda: far.hear() == [1, 2, 3, 2])
        assert far.got[-1][0]["tries"] == 1
        for _ in range(20):
            b.hub.serve(0.005)
        assert far.hear() == [1, 2, 3, 2], "and nothing follows"
        far.say(released=[2])
        b.until(lambda: far.hear() == [1, 2, 3, 2, 4])


def test_what_a_puller_was_lost_with_is_suspect_and_travels_alone_until_its_next_life_has_told() -> None:
    with bench() as b:
        push, [first, other] = b.push("first.1", "other.1")
        first.say(open=[], incarnation="first")
        told = Told()
        told.put(push, *range(1, 6))
        b.until(lambda: first.hear() == [1, 2, 3, 4, 5])
        first.data.close(linger=0)
        other.say(open=[], incarnation="other")
        b.until(lambda: other.hear() == [1])
        for _ in range(20):
            b.hub.serve(0.005)
        assert other.hear() == [1], "it is alone"
        other.say(incarnation="other", released=[1])
        b.until(lambda: other.hear() == [1, 2])
        first.say(open=[], incarnation="again", credit=0, hand=[[first.epoch, 3]])
        for _ in range(20):
            b.hub.serve(0.005)
        other.say(incarnation="other", released=[2])
        b.until(lambda: other.hear() == [1, 2, 3], "only the guilty one is still alone")
        other.say(incarnation="other", released=[3])
        b.until(lambda: other.hear() == [1, 2, 3, 4, 5])
        assert [header["tries"] for header, _ in other.got] == [1, 1, 1, 0, 0]


def test_a_life_that_is_back_after_a_cut_has_died_of_nothing_and_what_it_had_is_no_suspect_any_more() -> None:
    with bench() as b:
        push, [first, other] = b.push("first.1", "other.1")
        first.say(open=[], incarnation="first")
        told = Told()
        told.put(push, *range(1, 6))
        b.until(lambda: first.hear() == [1, 2, 3, 4, 5])
        address = first.data.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        first.data.close(linger=0)
        other.say(open=[], incarnation="other")
        b.until(lambda: other.hear() == [1], "it is alone")
        back = {"open": [1, 2, 3, 4, 5], "incarnation": "first", "credit": 0, "hand": [[first.epoch, 3]]}
        first.say(**back)
        for _ in range(20):
            b.hub.serve(0.005)
        other.say(incarnation="other", released=[1])
        b.until(lambda: other.hear() == [1, 2])
        for _ in range(20):
            b.hub.serve(0.005)
        assert other.hear() == [1, 2], "words that come late are not yet a return"

        first.data = b.context.socket(zmq.PULL)
        first.data.bind(address)

        def is_back() -> bool:
            first.say(**back)
            first.hear()
            return bool(first.pings)

        first.pings.clear()
        b.until(is_back)
        other.say(incarnation="other", released=[2])
        b.until(lambda: other.hear() == [1, 2, 3, 4, 5])
        assert [header["tries"] for header, _ in other.got] == [1, 1, 0, 0, 0], "and nobody is to blame"


def test_two_seconds_of_silence_bring_its_messages_to_another_puller_without_blame() -> None:
    with bench() as b:
        push, [silent, other] = b.push("silent.1", "other.1")
        silent.say(open=[], incarnation="silent")
        told = Told()
        told.put(push, 1)
        b.until(lambda: silent.hear() == [1])

        def heard() -> bool:
            other.say(incarnation="other")
            return other.hear() == [1]

        b.until(heard)
        assert other.got[-1][0]["tries"] == 0


def test_a_pusher_that_stood_still_itself_hears_first_before_it_takes_others_for_silent() -> None:
    with bench() as b:
        push, fars = b.push("busy.1", "idle.1")
        told = Told()
        for far in fars:
            far.say(open=[], incarnation=str(id(far)))
        b.until(lambda: all(far.hear() == [] and far.epoch for far in fars))
        told.put(push, 1)
        b.until(lambda: sum(len(far.hear()) for far in fars) == 1)
        started = time.monotonic()
        until(lambda: time.monotonic() - started > 2.5)  # nobody serves the wire
        for far in fars:
            far.say(incarnation=str(id(far)))
        for _ in range(20):
            b.hub.serve(0.005)
        assert sum(len(far.hear()) for far in fars) == 1


WRONG_FIELDS: dict[str, list[Any]] = {
    "kind": ["ping", 5], "incarnation": [None, 7, ["x"]], "epoch": [[], {}], "credit": ["8", -1, 2**63, 1.5, True],
    "echo": [None, -1, 2**64], "ended": [0, "no"], "released": [5, ["1"], [-1], [[1]]], "done": [{}, [[1, "done"]],
    [[1, "finished", ""]], [["1", "done", ""]], [[2**63, "done", ""]]], "returned": [[[1, 1, ""]], "x"],
    "open": [None, [{}]], "held": [[True]], "hand": [[["one"]], [[1, 1]]],
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, wrong in WRONG_FIELDS.items() for value in wrong]
)
def test_a_state_with_a_wrong_field_is_ignored_as_a_whole_with_a_line(field: str, value: Any) -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1)
        b.until(lambda: far.hear() == [1])
        far.say(**{"open": [1], "done": [(1, "dropped", "this must not count")], field: value})
        b.until(lambda: b.said)
        assert not told.verdicts
        assert b.said[0].startswith('ignores what far.1 sent back on "frames": a state')
        far.say(done=[(1, "done", "")])
        b.until(lambda: told.verdicts == {1: ("done", "")})


def test_parts_that_are_no_state_are_ignored_with_one_line_a_kind() -> None:
    with bench() as b:
        push, far, told = greeted(b)
        told.put(push, 1)
        b.until(lambda: far.hear() == [1])
        for _ in range(50):
            far.send(b"{}", b"")
            far.send(b"not json")
            far.send(b"[" * 50_000)
            far.send(b"\xff\xfe")
            far.send(json.dumps({"v": 0, "kind": "state"}).encode())
            far.send(json.dumps({"v": 1, "long": "x" * 70_000}).encode())
        far.say(done=[(1, "done", "")])
        b.until(lambda: told.verdicts)
        reasons = [line.partition('"frames": ')[2] for line in b.said]
        assert sorted(reasons) == [
            "a header of more than 65536 bytes",
            "a header that is not JSON",
            "a header that is not of version 1 of the wire",
            "a state that is not one part",
        ]
