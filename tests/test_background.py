"""Work in a background thread, a few items ahead."""

import threading
from collections.abc import Generator
from contextlib import closing

import pytest

from media.background import DEPTH, ahead
from tests.conftest import until


def threads() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_items_come_in_order_and_then_the_end() -> None:
    assert [item for item in ahead(item for item in range(100)) if item is not None] == list(range(100))
    until(lambda: threads() == 0)


def test_what_the_work_raises_is_raised_after_the_items_before_it() -> None:
    def work() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken at 2")

    items = ahead(work())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken at 2"):
        next(items)


def test_nothing_is_said_while_the_work_takes_its_time() -> None:
    go_on = threading.Event()

    def work() -> Generator[str, None, None]:
        go_on.wait(10)
        yield "done"

    items = ahead(work())
    assert next(items) is None
    go_on.set()
    assert "done" in items


def test_the_work_is_only_a_few_items_ahead() -> None:
    made: list[int] = []

    def work() -> Generator[int, None, None]:
        for item in range(1000):
            made.append(item)
            yield item

    with closing(ahead(work())) as items:
        for taken in range(50):
            assert next(items) == taken
            assert len(made) <= taken + 1 + DEPTH + 2  # one in the making, one being put


def test_closing_closes_the_work_too() -> None:
    closed = threading.Event()

    def work() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = ahead(work())
    assert next(items) == 0
    items.close()
    assert closed.is_set()
    until(lambda: threads() == 0)
