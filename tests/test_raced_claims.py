"""media/watched/claims.py: what others do to the folder just before a claim, and what a kill leaves behind."""

import errno
import os
from pathlib import Path

import pytest

from media.watched.arrivals import Sign
from media.watched.claims import NotReady
from media.watched.spool import Spool
from tests.test_claims import cannot_be_claimed, returned
from tests.test_spool import content, patiently, put, spool, take, without_leases

__all__ = ["spool"]  # a fixture


def test_a_file_that_was_replaced_just_before_its_claim_goes_back_to_its_new_writer(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(spool, "a.jpg", "old")
    rename = os.rename

    def comes_late(source: str, target: str, **folders: int) -> None:
        file.unlink()
        file.write_text("half")
        rename(source, target, **folders)

    with monkeypatch.context() as now, pytest.raises(NotReady):
        now.setattr(os, "rename", comes_late)
        spool.take("a.jpg", Sign.WRITTEN)
    assert file.read_text() == "half"
    assert spool.held == 0


@pytest.mark.parametrize("has_leases", [True, False])
def test_a_link_that_takes_the_place_of_a_file_just_before_its_claim_goes_back(
    spool: Spool, has_leases: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(spool, "a.jpg", "old")
    if not has_leases:
        without_leases(monkeypatch)
    rename = os.rename

    def comes_late(source: str, target: str, **folders: int) -> None:
        file.unlink()
        file.symlink_to("elsewhere")
        rename(source, target, **folders)

    with monkeypatch.context() as now, pytest.raises(NotReady):
        now.setattr(os, "rename", comes_late)
        spool.take("a.jpg", Sign.WRITTEN)
    assert file.is_symlink()
    assert spool.held == 0


@pytest.mark.parametrize("name", ["sub/a.jpg", "sub/folder/a.jpg"])
def test_nothing_is_claimed_through_a_link_that_took_the_place_of_a_folder(
    spool: Spool, tmp_path: Path, name: str
) -> None:
    put(spool, name)
    outside = tmp_path / "outside"
    (outside / name).parent.mkdir(parents=True)
    (outside / name).write_text("of somebody else")
    (spool.folder / "sub").rename(tmp_path / "moved")
    (spool.folder / "sub").symlink_to(outside / "sub")
    for sign in Sign:
        assert spool.take(name, sign) is None
    assert (outside / name).read_text() == "of somebody else"
    assert (tmp_path / "moved" / name.partition("/")[2]).read_text() == "whole"


def test_a_claim_whose_taken_folder_was_moved_away_goes_back_and_comes_again(spool: Spool, tmp_path: Path) -> None:
    file = put(spool, "a.jpg")
    (spool.folder / ".taken").rename(tmp_path / "elsewhere")
    with pytest.raises(NotReady):
        spool.take("a.jpg", Sign.WRITTEN)
    assert file.read_text() == "whole"
    assert content(take(spool, "a.jpg")) == "whole"


def test_a_claim_makes_a_taken_folder_that_was_removed_again(spool: Spool) -> None:
    (spool.folder / ".taken").rmdir()
    put(spool, "sub/a.jpg")
    assert content(take(spool, "sub/a.jpg")) == "whole"


def test_a_leftover_that_a_writer_has_open_waits_for_it(spool: Spool) -> None:
    file = put(spool, ".taken/sub/a.jpg", "half")
    put(spool, ".taken/b.jpg")
    with open(file, "a") as writer:
        assert [left.name for left in spool.leftovers()] == ["b.jpg"]
        assert spool.held == 2
        assert not spool.returned()
        writer.write(" and half")
    assert content(returned(spool)) == "half and half"


def test_empty_folders_that_a_kill_left_in_taken_stand_in_no_file_s_way(spool: Spool) -> None:
    (spool.folder / ".taken/x.jpg/sub").mkdir(parents=True)
    assert spool.leftovers() == []
    assert list((spool.folder / ".taken").iterdir()) == []
    put(spool, "x.jpg")
    assert take(spool, "x.jpg")


def test_a_claim_that_fails_leaves_no_empty_folder(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    put(spool, "sub/folder/a.jpg")
    with monkeypatch.context() as now:
        cannot_be_claimed(now, errno.ENOENT)
        assert patiently(spool, "sub/folder/a.jpg", Sign.WRITTEN) is None
        spool.rest()
    assert list((spool.folder / ".taken").iterdir()) == []
