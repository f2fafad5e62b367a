"""What an actor has to tell: what cannot wait comes at once, the rest now and then, and nothing is lost on its way."""

import threading
import time

from host.pool import mailbox
from host.pool.mailbox import Mailbox


def test_what_is_urgent_comes_at_once_and_brings_the_rest_along() -> None:
    box = Mailbox()
    box.ask(0, 0.0)
    box.post("line", "one")
    threading.Timer(0.05, box.post, ["exit", 1]).start()

    began = time.monotonic()
    news = box.ask(0, 10)

    assert [(kind, value) for _, kind, value in news] == [("line", "one"), ("exit", 1)]
    assert time.monotonic() - began < mailbox.PACE


def test_what_is_not_urgent_comes_twice_a_second() -> None:
    box = Mailbox()
    after, began, answers = 0, time.monotonic(), 0
    while answers < 4:
        box.post("books", b"%d" % answers)
        after = box.ask(after, 10)[-1][0]
        answers += 1

    assert time.monotonic() - began >= 3 * mailbox.PACE


def test_nothing_comes_when_there_is_nothing() -> None:
    assert Mailbox().ask(0, 0.05) == []


def test_what_was_not_said_to_have_arrived_comes_again() -> None:
    box = Mailbox()
    box.post("line", "one")
    box.post("ready", True)

    assert box.ask(0) == box.ask(0) == [(1, "line", "one"), (2, "ready", True)]
    assert box.ask(1) == [(2, "ready", True)]
    assert box.ask(2, 0.0) == []


def test_of_books_only_the_last_are_kept_and_of_lines_the_latest() -> None:
    box = Mailbox()
    for number in range(mailbox.MOST + 100):
        box.post("books", b"%d" % number)
        box.post("line", f"{number}")
    box.post("exit", 0)

    news = box.ask(0)
    assert len(news) <= mailbox.MOST + 2
    assert [value for _, kind, value in news if kind == "books"] == [b"%d" % (mailbox.MOST + 99)]
    assert news[-1][1:] == ("exit", 0)
    assert news[-2][1:] == ("line", f"{mailbox.MOST + 99}")


def test_who_does_not_ask_is_known() -> None:
    box = Mailbox()
    box.asked_at = 0.0
    box.ask(0, 0.0)

    assert time.monotonic() - box.asked_at < 5
