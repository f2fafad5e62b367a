"""Raw frames that a decoder lends to its splitter."""

import os
from collections.abc import Iterator

import pytest

from bus.header import Malformed
from media.decoding.loans import AHEAD, Borrower, Lender

FRAME = bytes(range(256)) * 500


@pytest.fixture
def ends() -> Iterator[tuple[Lender, Borrower]]:
    """Both, in one process; a real pipe carries the answers."""
    answers, said = os.pipe()
    with open(said, "wb") as pipe:
        yield Lender(answers), Borrower(pipe)
    os.close(answers)


def met(ends: tuple[Lender, Borrower]) -> tuple[Lender, Borrower]:
    lender, borrower = ends
    assert lender.address
    borrower.meet(lender.address)
    return lender, borrower


def test_nothing_is_lent_before_the_splitter_has_said_that_it_reads(ends: tuple[Lender, Borrower]) -> None:
    lender, _ = ends
    assert lender.lend(FRAME) == {}
    met(ends)
    assert lender.lend(FRAME) != {}


def test_what_was_lent_is_read_in_place_and_used_again_when_it_came_back(ends: tuple[Lender, Borrower]) -> None:
    lender, borrower = met(ends)
    first = lender.lend(FRAME)["memory"]
    seen = borrower.view(*first)
    assert lender.lend(FRAME)["memory"][0] != first[0]
    assert seen == FRAME
    del seen
    borrower.give_back()
    assert lender.lend(FRAME)["memory"][0] == first[0]


def test_a_splitter_that_keeps_frames_gets_the_others_through_the_pipe(ends: tuple[Lender, Borrower]) -> None:
    lender, borrower = met(ends)
    kept = [borrower.view(*lender.lend(FRAME)["memory"]) for _ in range(AHEAD)]
    assert lender.lend(FRAME) == {}
    kept.clear()
    borrower.give_back()
    assert lender.lend(FRAME) != {}


def test_a_splitter_that_has_gone_ends_the_lending() -> None:
    answers, said = os.pipe()
    lender = Lender(answers)
    os.close(said)
    with pytest.raises(BrokenPipeError):
        lender.lend(FRAME)
    os.close(answers)


def test_an_arena_that_cannot_be_had_is_not_read(ends: tuple[Lender, Borrower]) -> None:
    lender, borrower = ends
    assert lender.address
    borrower.meet(lender.address._replace(fd=999_999))
    assert lender.lend(FRAME) == {}
    with pytest.raises(Malformed):
        borrower.view(4096, len(FRAME), 1, 1)
