"""The hand: what user code held when it died."""

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.hand import SIZE, Hand, Held

HELD: list[Held] = [("source.1", "9f", 17, "caf\udce9.jpg"), ("source.2", "a0", 3, "")]


def after(path: Path, *deeds: str) -> list[Held]:
    """What the next life finds after these deeds and a death."""
    hand = Hand(path)
    can: dict[str, Callable[[], None]] = {"hold": lambda: hand.hold(HELD), "run": hand.run, "rest": hand.rest}
    for deed in deeds:
        can[deed]()
    hand.close()
    found = Hand(path)
    found.close()
    return found.before


def test_a_death_in_user_code_is_laid_to_all_that_it_held(tmp_path: Path) -> None:
    assert after(tmp_path / "hand", "hold", "run") == HELD


@pytest.mark.parametrize("deeds", [("hold",), ("hold", "run", "rest"), ("hold", "run", "hold"), ()])
def test_a_death_in_the_bus_is_laid_to_nobody(tmp_path: Path, deeds: tuple[str, ...]) -> None:
    assert after(tmp_path / "hand", *deeds) == []


def test_going_on_after_the_bus_lays_a_death_to_the_same_messages(tmp_path: Path) -> None:
    assert after(tmp_path / "hand", "hold", "run", "rest", "run") == HELD


def test_a_death_is_reported_once(tmp_path: Path) -> None:
    assert after(tmp_path / "hand", "hold", "run") == HELD
    assert after(tmp_path / "hand") == []


def test_the_first_eight_bytes_say_since_when_user_code_runs(tmp_path: Path) -> None:
    hand = Hand(tmp_path / "hand")
    hand.hold(HELD)
    before = time.monotonic_ns()
    hand.run()
    [since] = struct.unpack_from("<q", (tmp_path / "hand").read_bytes())
    assert before <= since <= time.monotonic_ns()
    hand.rest()
    assert struct.unpack_from("<q", (tmp_path / "hand").read_bytes()) == (0,)
    hand.close()


def test_names_that_do_not_fit_are_left_out_and_blame_is_laid_all_the_same(tmp_path: Path) -> None:
    hand = Hand(tmp_path / "hand")
    hand.hold([("source.1", "9f", n, "x" * 100) for n in range(1000)])
    hand.run()
    hand.close()
    found = Hand(tmp_path / "hand")
    assert found.before == [("source.1", "9f", n, "") for n in range(1000)]
    found.close()
    assert (tmp_path / "hand").stat().st_size == SIZE


def test_a_damaged_hand_never_keeps_a_node_from_starting(tmp_path: Path) -> None:
    for text in (b"[[1, 2]]", b"{}", b"\xff\xff", b"[", b"5", b'[["a", "b", "c", "d"]]'):
        body = struct.pack("<qI", 5, len(text)) + text
        (tmp_path / "hand").write_bytes(body)
        hand = Hand(tmp_path / "hand")
        assert hand.before == []
        hand.close()
