"""media/watched/spool.py: claims, and what becomes of them."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.watched import spool as module
from media.watched.arrivals import Sign
from media.watched.claims import NotReady, Taken
from media.watched.events import CannotWatch
from media.watched.spool import Spool
from tests.conftest import until


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(str(tmp_path / "spool"), "delete")
    assert spool.lock()
    yield spool
    spool.close()


def put(spool: Spool, name: str, content: str = "whole") -> Path:
    file = spool.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def content(taken: Taken) -> str:
    return Path(taken.file).read_text()


def take(spool: Spool, name: str, sign: Sign = Sign.WRITTEN) -> Taken:
    taken = spool.take(name, sign)
    assert taken is not None
    return taken


def patiently(spool: Spool, name: str, sign: Sign) -> Taken | None:
    try:
        return spool.take(name, sign)
    except NotReady:
        return None


def without_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file system without leases answers; no such file system can be mounted everywhere that the tests run."""
    monkeypatch.setattr(fcntl, "F_SETLEASE", -1)  # fcntl(2): EINVAL


@pytest.mark.parametrize("name", ["a.jpg", "sub/folder/a.jpg", os.fsdecode(b"\xff\n .jpg"), "x" * 251 + ".jpg"])
def test_a_claimed_file_lies_in_taken_under_its_own_path_until_it_is_finished(spool: Spool, name: str) -> None:
    file = put(spool, name)
    os.utime(file, ns=(1, 1234567890123456789))
    taken = take(spool, name)
    assert taken == (name, str(spool.folder / ".taken" / name), 1234567890123456789)
    assert content(taken) == "whole"
    assert not file.exists()
    assert spool.held == 1
    spool.finish(name, "done", "")
    assert spool.held == 0
    assert list((spool.folder / ".taken").iterdir()) == []


def test_a_file_with_a_writer_is_not_claimed(spool: Spool) -> None:
    with open(spool.folder / "a.jpg", "w") as writer:
        writer.write("half")
        writer.flush()
        for sign in Sign:
            with pytest.raises(NotReady):
                spool.take("a.jpg", sign)
    assert content(take(spool, "a.jpg", Sign.APPEARED)) == "half"


def test_a_name_that_is_on_its_way_stays_in_the_folder_until_the_first_is_finished(spool: Spool) -> None:
    put(spool, "image.jpg", "first")
    take(spool, "image.jpg")
    put(spool, "image.jpg", "second")
    with pytest.raises(NotReady):
        spool.take("image.jpg", Sign.WRITTEN)
    spool.finish("image.jpg", "done", "")
    assert content(take(spool, "image.jpg")) == "second"


def test_without_leases_the_end_of_writing_must_be_told_or_seen(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    without_leases(monkeypatch)
    put(spool, "told.jpg")
    assert take(spool, "told.jpg", Sign.WRITTEN)
    put(spool, "begun.jpg")
    with pytest.raises(NotReady):
        spool.take("begun.jpg", Sign.APPEARED)
    monkeypatch.setattr(module, "UNHEARD", 0.1)  # instead of seconds
    assert until(lambda: patiently(spool, "begun.jpg", Sign.APPEARED))  # a hard link: nothing is told of its end
    with open(put(spool, "found.jpg"), "a") as writer:
        for _ in range(3):
            assert patiently(spool, "found.jpg", Sign.FOUND) is None
            print("more", file=writer, flush=True)
    taken = until(lambda: patiently(spool, "found.jpg", Sign.FOUND))
    assert taken
    assert content(taken) == "whole" + "more\n" * 3


def test_an_empty_file_is_given_time_to_be_opened_again(spool: Spool) -> None:
    put(spool, "a.jpg", "")
    with pytest.raises(NotReady):
        spool.take("a.jpg", Sign.WRITTEN)
    put(spool, "a.jpg", "content")
    assert content(take(spool, "a.jpg")) == "content"
    put(spool, "empty.jpg", "")
    assert until(lambda: patiently(spool, "empty.jpg", Sign.WRITTEN))


def test_a_file_that_has_gone_is_nothing_to_claim(spool: Spool) -> None:
    put(spool, "sub", "a file, not a folder any more")
    assert spool.take("a.jpg", Sign.WRITTEN) is None
    assert spool.take("sub/a.jpg", Sign.FOUND) is None


def test_finished_files_are_kept_if_asked_and_none_overwrites_another(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), "keep")
    for verdict in ("done", "dropped"):
        put(spool, "cam/image.jpg", verdict)
        take(spool, "cam/image.jpg")
        spool.finish("cam/image.jpg", verdict, "")
    assert (tmp_path / ".done/cam/image.jpg").read_text() == "done"
    assert (tmp_path / ".done/cam/image.2.jpg").read_text() == "dropped"
    spool.close()


def test_a_rejected_file_becomes_a_dead_letter_with_its_reason(
    spool: Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    put(spool, "a.jpg", "no image")
    take(spool, "a.jpg")
    spool.finish("a.jpg", "rejected", "converter on robot: cannot decode")
    assert (spool.folder / "dead-letters/a.jpg").read_text() == "no image"
    assert (spool.folder / "dead-letters/a.jpg.txt").read_text() == "converter on robot: cannot decode\n"
    assert capsys.readouterr().out == "a.jpg is a dead letter, dead-letters/a.jpg: converter on robot: cannot decode\n"
    assert spool.held == 0


@pytest.mark.parametrize("verdict", ["gone", "done", "rejected"])
def test_a_claimed_file_that_something_else_removed_is_mentioned_once(
    spool: Spool, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.jpg", "b.jpg"):
        put(spool, name)
        Path(take(spool, name).file).unlink()
        spool.finish(name, verdict, "why")
    assert spool.held == 0
    assert capsys.readouterr().out.count("has gone before it was finished") == 1


def test_leftovers_are_claimed_again_and_no_stranger_is(tmp_path: Path) -> None:
    before = Spool(str(tmp_path), "delete")
    for name in ("b.jpg", "sub/a.jpg"):
        put(before, name)
        take(before, name)
    before.close()
    (tmp_path / ".taken/link.jpg").symlink_to("b.jpg")
    spool = Spool(str(tmp_path), "delete")
    assert [taken.name for taken in spool.leftovers()] == ["b.jpg", "sub/a.jpg"]
    assert spool.held == 2
    put(spool, "b.jpg")
    with pytest.raises(NotReady):
        spool.take("b.jpg", Sign.WRITTEN)
    spool.close()


def test_a_folder_has_one_watcher(tmp_path: Path) -> None:
    first, second = Spool(str(tmp_path), "delete"), Spool(str(tmp_path), "delete")
    assert first.lock()
    assert not second.lock()
    first.close()
    assert second.lock()
    second.close()


def test_a_folder_that_cannot_be_locked_is_watched_and_that_is_said(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)  # as a network mount without a lock server does
    assert spool.lock()
    words = "cannot be locked (No locks available): make sure that nothing else watches it"
    assert capsys.readouterr().out == f"{spool.folder} {words}\n"


def test_a_folder_that_is_removed_or_replaced_is_noticed(spool: Spool) -> None:
    assert spool.is_there
    spool.folder.rename(spool.folder.with_name("elsewhere"))
    assert not spool.is_there
    spool.folder.mkdir()
    assert not spool.is_there


@pytest.mark.parametrize(
    ("code", "there"), [(errno.ENOENT, False), (errno.ENOTDIR, False), (errno.EIO, True), (errno.EACCES, True)]
)
def test_a_folder_of_which_the_disk_does_not_tell_has_not_gone(
    spool: Spool, code: int, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Path) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as now:
        now.setattr(Path, "stat", fails)
        assert spool.is_there is there


def test_a_claim_makes_no_folder_that_somebody_has_just_removed(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    put(spool, "sub/a.jpg")

    def rename(source: str, target: str, **folders: int) -> None:
        shutil.rmtree(spool.folder, ignore_errors=True)  # just before
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)

    monkeypatch.setattr(os, "rename", rename)
    assert spool.take("sub/a.jpg", Sign.WRITTEN) is None
    assert not spool.folder.exists()


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, then, words, code in [
        ("", "delete", "folder is empty", 2),
        (str(tmp_path), "burn", 'then "burn": .* delete, keep', 2),
        (str(tmp_path / "file"), "delete", f"cannot watch {tmp_path}/file: .*Not a directory", 1),
    ]:
        with pytest.raises(CannotWatch, match=words) as error:
            Spool(folder, then)
        assert error.value.code == code
