"""media/watched/spool.py: claims that fail."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from media.storage.below import Folder
from media.storage.rename import rename_new
from media.watched import spool as spool_module
from media.watched.arrivals import Sign
from media.watched.claims import MOST_EMPTY, NotReady, Taken
from media.watched.lease import Lease
from media.watched.refusals import FOR_NOW
from media.watched.spool import Spool
from tests.conftest import need, until
from tests.test_spool import content, patiently, put, spool, take

__all__ = ["spool"]  # a fixture


def cannot_be_claimed(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(file: str, to: str, **folders: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "rename", refuse)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.ENOENT])
def test_a_claim_that_fails_is_tried_again_and_said_once_if_that_goes_on(
    spool: Spool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(spool, "a.jpg")
    with monkeypatch.context() as now:
        cannot_be_claimed(now, code)
        assert patiently(spool, "a.jpg", Sign.WRITTEN) is None
        said = capsys.readouterr().out
        assert bool(said) == (code in FOR_NOW)  # somebody must see to it; anything else may go by
        now.setattr(spool_module, "PATIENCE", 0.0)
        for _ in range(2):
            with pytest.raises(NotReady):
                spool.take("a.jpg", Sign.WRITTEN)
        [line] = (said + capsys.readouterr().out).splitlines()
        words = f"files in {spool.folder} cannot be claimed yet, tries again, first a.jpg: {os.strerror(code)}"
        assert line.startswith(words)
    assert content(take(spool, "a.jpg")) == "whole"
    assert capsys.readouterr().out == f"claims files in {spool.folder} again\n"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV])
def test_what_can_never_be_claimed_stays_and_is_said_once(
    spool: Spool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cannot_be_claimed(monkeypatch, code)
    for name in ("a.jpg", "b.jpg"):
        assert spool.take(put(spool, name).name, Sign.WRITTEN) is None
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(
        f"files in {spool.folder} cannot be claimed, so they stay, first a.jpg: {os.strerror(code)}: "
    )


def test_a_folder_of_the_name_of_a_claimed_file_waits_for_it(spool: Spool) -> None:
    put(spool, "a.jpg")
    take(spool, "a.jpg")
    for name in ("a.jpg/b.jpg", "a.jpg/sub/c.jpg"):
        put(spool, name)
        with pytest.raises(NotReady):
            spool.take(name, Sign.WRITTEN)
    spool.finish("a.jpg", "done", "")
    for name in ("a.jpg/b.jpg", "a.jpg/sub/c.jpg"):
        assert take(spool, name)


def test_a_file_of_the_name_of_a_folder_with_claimed_files_waits_for_them(spool: Spool) -> None:
    put(spool, "a.jpg/b.jpg")
    take(spool, "a.jpg/b.jpg")
    (spool.folder / "a.jpg").rmdir()
    put(spool, "a.jpg")
    with pytest.raises(NotReady):
        spool.take("a.jpg", Sign.WRITTEN)
    spool.finish("a.jpg/b.jpg", "done", "")
    assert until(lambda: patiently(spool, "a.jpg", Sign.WRITTEN))


def test_empty_folders_stand_in_taken_while_files_flow_but_not_for_ever(spool: Spool) -> None:
    for number in range(2 * MOST_EMPTY):
        take(spool, put(spool, f"sub/{number}/a.jpg").relative_to(spool.folder).as_posix())
        spool.finish(f"sub/{number}/a.jpg", "done", "")
    assert 1 < len(list((spool.folder / ".taken/sub").iterdir())) <= MOST_EMPTY + 1
    spool.rest()  # as whenever nothing comes
    assert list((spool.folder / ".taken").iterdir()) == []
    assert spool.held == 0


@contextmanager
def a_writer_that_comes_during_the_claim(spool: Spool, name: str, meanwhile: Callable[[], object]) -> Iterator[None]:
    """It opens the file when the claim has its lease and has renamed it, and writes `new` when it may."""
    file, writers = spool.folder / ".taken" / name, []
    is_wanted_back = Lease.is_wanted_back

    def comes_first(held: Lease) -> bool:
        writers.append(subprocess.Popen([sys.executable, "-c", f"open({str(file)!r}, 'wb').write(b'new')"]))
        until(lambda: is_wanted_back(held), what="the writer's wish")
        meanwhile()
        return is_wanted_back(held)

    with pytest.MonkeyPatch.context() as now:
        now.setattr(Lease, "is_wanted_back", comes_first)
        yield
    assert writers[0].wait(10) == 0


def test_a_file_that_a_writer_opens_during_the_claim_stays_its_own(spool: Spool) -> None:
    file = put(spool, "a.jpg", "old")
    with a_writer_that_comes_during_the_claim(spool, "a.jpg", lambda: None), pytest.raises(NotReady):
        spool.take("a.jpg", Sign.WRITTEN)
    assert file.read_text() == "new"
    assert list((spool.folder / ".taken").iterdir()) == []
    assert content(take(spool, "a.jpg")) == "new"


def returned(spool: Spool) -> Taken:
    [taken] = until(spool.returned)
    return taken


def test_a_file_whose_name_is_taken_again_waits_in_taken_for_its_writer(spool: Spool) -> None:
    put(spool, "a.jpg", "old")
    newer = a_writer_that_comes_during_the_claim(spool, "a.jpg", lambda: put(spool, "a.jpg", "newer"))
    with newer, pytest.raises(NotReady):
        spool.take("a.jpg", Sign.WRITTEN)
    assert [file.name for file in spool.folder.glob("*.jpg")] == ["a.jpg"]
    with pytest.raises(NotReady):
        spool.take("a.jpg", Sign.WRITTEN)
    assert content(returned(spool)) == "new"
    spool.finish("a.jpg", "done", "")
    assert content(take(spool, "a.jpg")) == "newer"


def test_a_file_whose_folder_goes_while_it_is_handed_back_waits_in_taken_for_its_writer(spool: Spool) -> None:
    put(spool, "sub/a.jpg", "old")
    gone = a_writer_that_comes_during_the_claim(spool, "sub/a.jpg", (spool.folder / "sub").rmdir)
    with gone, pytest.raises(NotReady):
        spool.take("sub/a.jpg", Sign.WRITTEN)
    assert spool.held == 1
    assert content(returned(spool)) == "new"
    assert spool.returned() == []


def test_a_file_waits_for_its_writer_where_a_name_cannot_be_had_in_one_step(tmp_path: Path) -> None:
    """bindfs knows no RENAME_NOREPLACE, like other file systems in user space."""
    need("bindfs", "fusermount")
    for name in ("behind", "spool"):
        (tmp_path / name).mkdir()
    mounted = subprocess.run(["bindfs", "behind", "spool"], cwd=tmp_path, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr}")
    try:
        with closing(Spool(str(tmp_path / "spool"), "delete")) as spool:
            root = Folder(spool.folder)
            with pytest.raises(OSError, match="Invalid argument"):
                rename_new(put(spool, "a.txt").name, "b.txt", root.fd, root.fd)
            put(spool, "a.jpg", "old")
            with a_writer_that_comes_during_the_claim(spool, "a.jpg", lambda: None), pytest.raises(NotReady):
                spool.take("a.jpg", Sign.WRITTEN)
            assert content(returned(spool)) == "new"
    finally:
        subprocess.run(["umount", "--lazy", tmp_path / "spool"], check=True)
