"""media/watched/stillness.py: when a file counts as written although nobody says so."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.watched import stillness as module
from media.watched.arrivals import Sign
from media.watched.claims import NotReady
from media.watched.spool import STILL, Spool
from media.watched.stillness import COARSE, Stillness
from tests.conftest import until
from tests.test_spool import content, patiently, put, spool, take

__all__ = ["spool"]  # a fixture

HOUR = 3600.0  # seconds


@pytest.fixture
def stillness(tmp_path: Path) -> Iterator[Stillness]:
    yield Stillness(tmp_path)
    assert not (tmp_path / ".clock").exists()


def lasted(stillness: Stillness, file: Path, seconds: float) -> bool:
    return stillness.has_lasted(file.name, file.stat(), seconds)


def test_a_file_that_was_just_written_must_be_seen_to_stand_still(tmp_path: Path, stillness: Stillness) -> None:
    file = tmp_path / "a.jpg"
    file.write_text("new")
    began = time.monotonic()
    assert stillness.is_due("a.jpg")
    assert not lasted(stillness, file, 0.3)
    assert not stillness.is_due("a.jpg")
    until(lambda: stillness.is_due("a.jpg"))
    assert lasted(stillness, file, 0.3)
    assert time.monotonic() - began >= 0.3


def test_each_change_starts_the_time_anew(tmp_path: Path, stillness: Stillness) -> None:
    file = tmp_path / "a.jpg"
    file.write_text("new")
    assert not lasted(stillness, file, 0.1)
    until(lambda: stillness.is_due("a.jpg"))
    file.write_text("newer")
    assert not lasted(stillness, file, 0.1)
    assert not stillness.is_due("a.jpg")
    stillness.forget("a.jpg")
    assert stillness.is_due("a.jpg")


def test_a_file_that_has_been_there_for_long_needs_no_second_look(tmp_path: Path, stillness: Stillness) -> None:
    file = tmp_path / "a.jpg"
    file.write_text("old")
    assert until(lambda: Stillness(tmp_path).has_lasted("a.jpg", file.stat(), 0.1), COARSE + 2)


def test_an_old_mtime_alone_says_nothing(tmp_path: Path, stillness: Stillness) -> None:
    file = tmp_path / "a.jpg"
    file.write_text("being copied with the times of its original")
    os.utime(file, (1, 1))
    assert not lasted(stillness, file, 0.1)


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_the_clock_that_counts_is_that_of_the_file_system(
    tmp_path: Path, ahead: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def make_there(folder: Path) -> None:
        mkdir(folder)
        os.utime(folder, (1, time.time() + ahead))

    def changed(ago: float) -> os.stat_result:
        then = time.time() + ahead - ago
        return os.stat_result((0o100644, 1, 1, 1, 0, 0, 5, int(then), int(then), int(then)))

    monkeypatch.setattr(Path, "mkdir", make_there)
    stillness = Stillness(tmp_path)
    assert not stillness.has_lasted("new.jpg", changed(0.0), 0.1)
    assert stillness.has_lasted("old.jpg", changed(COARSE + 2), 0.1)


def test_a_clock_that_is_set_forward_makes_no_new_file_old(
    tmp_path: Path, stillness: Stillness, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def make_an_hour_on(folder: Path) -> None:
        mkdir(folder)
        os.utime(folder, (1, time.time() + HOUR))

    (tmp_path / "a.jpg").write_text("new")
    monkeypatch.setattr(Path, "mkdir", make_an_hour_on)
    monkeypatch.setattr(module, "LEARN", 0.0)
    assert not lasted(stillness, tmp_path / "a.jpg", 0.1)
    assert until(lambda: lasted(stillness, tmp_path / "a.jpg", 0.1))


def test_where_the_clock_cannot_be_had_no_file_is_old(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("old")
    os.utime(tmp_path / "a.jpg", (1, 1))
    stillness = Stillness(tmp_path / "gone")
    assert not lasted(stillness, tmp_path / "a.jpg", 0.1)
    assert until(lambda: lasted(stillness, tmp_path / "a.jpg", 0.1))


def test_a_clock_that_a_kill_has_left_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".clock").mkdir()
    (tmp_path / "a.jpg").write_text("new")
    assert not lasted(Stillness(tmp_path), tmp_path / "a.jpg", 0.1)


def test_a_file_that_was_only_seen_must_stand_still_even_with_a_lease(spool: Spool) -> None:
    put(spool, "a.jpg")
    with pytest.raises(NotReady):
        spool.take("a.jpg", Sign.SEEN)
    put(spool, "a.jpg", "whole and more")  # by a writer of whom this kernel knows nothing
    taken = until(lambda: patiently(spool, "a.jpg", Sign.SEEN))
    assert taken
    assert content(taken) == "whole and more"


def test_old_files_that_were_only_seen_are_claimed_at_once(spool: Spool) -> None:
    names = [put(spool, f"{number}.jpg").name for number in range(50)]
    written = (spool.folder / "49.jpg").stat().st_ctime
    until(lambda: time.time() - written > STILL + COARSE + 0.1)
    for name in names:
        take(spool, name, Sign.SEEN)


def test_a_file_that_its_writer_opens_again_is_left_alone_for_as_long_as_the_user_says(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), "delete", still=0.3)
    for part in ("one ", "two ", "three"):
        with open(tmp_path / "a.jpg", "a") as writer:
            writer.write(part)
        for sign in Sign:
            with pytest.raises(NotReady):
                spool.take("a.jpg", sign)
    taken = until(lambda: patiently(spool, "a.jpg", Sign.WRITTEN))
    assert taken
    assert content(taken) == "one two three"
    spool.close()
