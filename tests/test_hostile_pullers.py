"""A puller that has the right key and forges or replays what it says back: refused, counted, said once."""

from tests.known import keyed
from tests.peers import Told


def test_an_acknowledgement_of_what_another_one_holds_is_refused_and_counted() -> None:
    with keyed() as b:
        push, told = b.pushes(b.pipe("far.1"), b.pipe("far.2")), Told()
        honest = b.puller("far.1")
        b.greet(push, honest)
        told.put(push, 1, 2, 3)
        b.until(lambda: honest.hear() == [1, 2, 3])
        forger = b.puller("far.2")
        forged = [[n, "done", ""] for n in range(1, 50)]
        forger.epoch = honest.epoch
        b.greet(push, forger, credit=0, done=forged, incarnation="two")
        forger.say(credit=0, returned=[[n, True, "bad"] for n in range(1, 4)], incarnation="two")
        for life in range(9):
            forger.say(open=[], hand=[[honest.epoch, 1]] * 9, credit=0, incarnation=f"life {life}")
        b.serve()
        assert told.verdicts == {}
        assert all(header["tries"] == 0 for header, _ in honest.got)
        assert b.said == ['ignores what far.2 sent back on "frames": a verdict on what it was not given']
        honest.say(done=[[1, "done", ""], [2, "done", ""]])
        b.until(lambda: told.verdicts == {1: ("done", ""), 2: ("done", "")})


def test_a_replayed_acknowledgement_changes_nothing() -> None:
    with keyed() as b:
        push, told = b.pushes(b.pipe("far.1")), Told()
        far = b.puller("far.1")
        b.greet(push, far)
        told.put(push, 1)
        b.until(lambda: far.hear() == [1])
        for _ in range(100):
            far.say(done=[[1, "done", ""]])
        b.until(lambda: told.verdicts)
        told.put(push, 2)
        b.until(lambda: far.hear() == [1, 2])
        far.say(done=[[1, "rejected", "late"]])
        far.say(done=[[2, "done", ""]], epoch="of an earlier life")
        b.serve()
        assert told.verdicts == {1: ("done", "")}


def test_a_huge_credit_gets_no_more_than_the_window() -> None:
    with keyed() as b:
        push, told = b.pushes(b.pipe("far.1")), Told()
        far = b.puller("far.1")
        b.greet(push, far, credit=2**63 - 1)
        told.put(push, *range(1, 200))
        b.until(lambda: len(far.hear()) == 64)
        far.say(credit=2**63 - 1)
        b.serve()
        assert len(far.hear()) == 64
