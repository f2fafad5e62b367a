"""The end of a pusher on another host, learned from its launcher by way of ours, because it could not be heard.

Our launcher makes the mark that a puller makes itself when it hears the end, but for the epoch, which it cannot know.
"""

from bus.hub import BEAT
from bus.marks import Marks
from bus.presence import WORD
from tests.conftest import until
from tests.known import Keyed, keyed


def launcher_says_that_it_has_ended(b: Keyed) -> None:
    b.marks.keep("far.1", "")


def serve(b: Keyed, seconds: float) -> None:
    for _ in range(int(seconds * 100)):
        b.hub.serve(0.01)


def test_one_that_was_never_heard_has_ended_when_its_launcher_says_so() -> None:
    with keyed() as b:
        pull, _ = b.pulls(b.pipe("far.1"))
        serve(b, 2 * BEAT)
        assert not pull.ended
        launcher_says_that_it_has_ended(b)
        b.until(lambda: pull.ended)


def test_one_that_fell_silent_has_ended_when_its_launcher_says_so_and_what_it_sent_is_finished_first() -> None:
    with keyed() as b:
        pull, queue = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.give(1)
        far.ping(1)
        b.until(lambda: queue)
        launcher_says_that_it_has_ended(b)  # too early: it is heard
        serve(b, 2 * BEAT)
        assert not pull.ended
        serve(b, WORD)
        launcher_says_that_it_has_ended(b)
        b.until(lambda: pull.ended)
        assert len(queue) == 1, "that is still to be done"


def test_one_that_is_heard_speaks_for_itself_and_the_mark_does_not_outlast_that() -> None:
    with keyed() as b:
        pull, _ = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        launcher_says_that_it_has_ended(b)
        far.ping(1, epoch="two")

        def pinged() -> bool:
            far.ping(2, epoch="two")
            return not b.marks.ended("far.1")

        b.until(pinged)
        serve(b, WORD + 2 * BEAT)
        assert not pull.ended


def test_one_that_says_that_it_goes_on_has_not_ended_whatever_its_mark_has_said() -> None:
    with keyed() as b:
        pull, _ = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.ping(1)
        b.until(lambda: pull._pushers[0].heard)
        serve(b, WORD + BEAT)
        launcher_says_that_it_has_ended(b)
        b.until(lambda: pull.ended)
        far.ping(2)
        b.until(lambda: not pull.ended)


def test_what_a_puller_has_heard_itself_holds_for_its_next_life() -> None:
    with keyed() as b:
        pull, _ = b.pulls(b.pipe("far.1"))
        far = b.pusher("far.1")
        b.settle(far)
        far.ping(1, closed=True, end=True)
        b.until(lambda: pull.ended)
        serve(b, 2 * BEAT)
        run = b.marks.run
        until(lambda: Marks(run, "pull.1").ended("far.1"), 1)
