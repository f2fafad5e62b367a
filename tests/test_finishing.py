"""media/watched/finishing.py: what becomes of claimed files where they cannot go at once."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media.storage import archive
from media.watched import finishing
from media.watched.events import CannotWatch
from media.watched.spool import Spool
from tests.conftest import until
from tests.mounting import disk
from tests.test_spool import put, take


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "AGAIN", 0.05)


def all_gone(spool: Spool) -> bool:
    return spool.held == 0


@contextmanager
def a_full_disk() -> Iterator[None]:
    def refuse(file: str, to: str, source: int, target: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as now:
        now.setattr(archive, "rename_new", refuse)
        yield


@pytest.mark.parametrize("verdict", ["done", "rejected"])
def test_what_cannot_be_moved_stays_claimed_is_said_once_and_goes_when_it_can(
    tmp_path: Path, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(str(tmp_path), "keep")
    names = [put(spool, f"{number}.jpg").name for number in range(3)]
    with a_full_disk():
        for name in names:
            take(spool, name)
            spool.finish(name, verdict, "why")
        assert not spool.returned()
        for _ in range(3):
            spool.rest()
        assert spool.held == 3
        words = "cannot see 0.jpg off yet, so it stays in .taken/, tries again: "
        words += "No space left on device: make room on its disk, for bytes and for files\n"
        assert capsys.readouterr().out == words
    until(lambda: all_gone(spool))
    assert capsys.readouterr().out.endswith(f"sees files in {tmp_path}/.taken off again\n")
    place = tmp_path / (".done" if verdict == "done" else "dead-letters")
    assert {file.name for file in place.glob("*.jpg")} == set(names)
    spool.close()


def test_a_dead_letter_without_a_reason_has_a_note_all_the_same(tmp_path: Path) -> None:
    """By its note it is known from one."""
    spool = Spool(str(tmp_path), "keep")
    for name in ("a.jpg.txt", "a.jpg"):
        put(spool, name, name)
        take(spool, name)
        spool.finish(name, "rejected", "")
    assert (tmp_path / "dead-letters/a.jpg.txt").read_text() == "a.jpg.txt"
    assert (tmp_path / "dead-letters/a.2.jpg.txt").read_text().startswith("rejected without a reason\n")
    spool.close()


def test_what_was_not_to_be_found_and_is_here_comes_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As where the disk was unmounted for a moment, between two looks at whether the folder is there."""
    spool = Spool(str(tmp_path), "delete")
    put(spool, "a.jpg")
    take(spool, "a.jpg")
    assert spool.finish("a.jpg", "gone", "")
    spool.rest()
    [again] = until(spool.returned)
    assert (again.name, Path(again.file).read_text(), spool.held) == ("a.jpg", "whole", 1)
    assert not spool.finish("a.jpg", "done", "")
    assert spool.held == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line == f"{again.file} was not to be found when it was needed, but is there: such files come again"
    spool.close()


@pytest.mark.parametrize("then", ["delete", "keep"])
@pytest.mark.parametrize("verdict", ["done", "rejected", "gone"])
def test_a_late_verdict_leaves_a_new_frame_of_that_name_alone(tmp_path: Path, then: str, verdict: str) -> None:
    """As where the folder was away for a moment, and its frames are on the way twice."""
    before, spool = Spool(str(tmp_path), then), Spool(str(tmp_path), then)
    put(before, "a.jpg", "old")
    take(before, "a.jpg")
    [again] = spool.leftovers()
    assert not spool.finish("a.jpg", "done", "")
    assert spool.held == 0
    put(spool, "a.jpg", "new")  # which may well have the inode of the old one
    taken = take(spool, "a.jpg")
    assert before.finish("a.jpg", verdict, "why")
    assert (Path(taken.file).read_text(), taken.file, spool.held) == ("new", again.file, 1)
    assert not (tmp_path / "dead-letters").exists()
    assert not spool.finish("a.jpg", "done", "")
    assert spool.held == 0
    for each in (before, spool):
        each.close()


def test_what_is_written_anew_while_it_is_claimed_comes_again(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), "delete")
    put(spool, "a.jpg")
    Path(take(spool, "a.jpg").file).write_text("another")
    assert spool.finish("a.jpg", "done", "")
    spool.rest()
    [again] = until(spool.returned)
    assert Path(again.file).read_text() == "another"
    assert not spool.finish("a.jpg", "done", "")
    assert spool.held == 0
    spool.close()


def test_what_lost_its_archive_meanwhile_has_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(str(tmp_path), "keep")
    put(spool, "a.jpg")
    take(spool, "a.jpg")

    def too_late(file: str, to: str, source: int, target: int) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))  # rename(2), where the target was removed

    with monkeypatch.context() as now:
        now.setattr(archive, "rename_new", too_late)
        spool.finish("a.jpg", "done", "")
        assert spool.held == 1
    until(lambda: all_gone(spool))
    assert (tmp_path / ".done/a.jpg").read_text() == "whole"
    spool.close()


def test_a_file_of_the_name_of_a_kept_file_s_folder_is_no_harm(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), "keep")
    for name in ("x.png", "x.png/a.jpg"):
        put(spool, name)
        take(spool, name)
        spool.finish(name, "done", "")
    assert spool.held == 0
    assert (tmp_path / ".done/x.2.png/a.jpg").read_text() == "whole"
    spool.close()


@pytest.mark.parametrize("name", [".done", "dead-letters"])
def test_an_archive_that_cannot_be_is_named_at_the_start(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    words = f"cannot watch {tmp_path}: {place} is not a folder, and finished files go there: give it another name"
    place.write_text("a file")
    assert refused(tmp_path) == words
    place.unlink()
    place.symlink_to("nowhere")
    assert refused(tmp_path) == words
    place.unlink()
    place.mkdir()
    Spool(str(tmp_path), "keep").close()
    with disk(tmp_path / "other"):
        place.rmdir()
        place.symlink_to("other")
        words = f"{place} is on another disk, to which nothing can be renamed: make it a folder on the same one"
        assert refused(tmp_path) == f"cannot watch {tmp_path}: {words}"


def refused(folder: Path) -> str:
    with pytest.raises(CannotWatch) as error:
        Spool(str(folder), "keep")
    return str(error.value)
