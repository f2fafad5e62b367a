"""media/watched/waited.py: whether frames waited when a run began is known after they have gone."""

from pathlib import Path

import pytest

from media.delivery.frames import FrameFolder
from media.watched.waited import RECORD, note_waiting, waited
from tests.jobs import job
from tests.mounting import disk
from tests.test_frames import left_behind


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZG_RUN", "this")


@pytest.mark.parametrize("place", ["", ".taken"])
@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("cam-00000007.jpg", "cam"),
        ("a-00000001-123456789.jpg", "a-00000001"),
        ("\udce9\n-00000001.jpg", "\udce9\n"),
    ],
)
def test_what_waited_is_known_after_it_has_gone(tmp_path: Path, place: str, name: str, stream: str) -> None:
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / name).touch()
    note_waiting(tmp_path)
    (tmp_path / place / name).unlink()
    assert waited(tmp_path, stream)
    assert not waited(tmp_path, "another")


def test_the_first_life_of_a_watcher_knows_best(tmp_path: Path) -> None:
    (tmp_path / "cam-00000007.jpg").touch()
    note_waiting(tmp_path)
    (tmp_path / "cam-00000007.jpg").rename(tmp_path / "more-00000007.jpg")
    note_waiting(tmp_path)
    (tmp_path / "more-00000007.jpg").unlink()
    assert (waited(tmp_path, "cam"), waited(tmp_path, "more")) == (True, False)


@pytest.mark.parametrize("later", ["another", ""])
def test_it_is_known_in_this_run_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: str) -> None:
    (tmp_path / "cam-00000007.jpg").touch()
    note_waiting(tmp_path)
    (tmp_path / "cam-00000007.jpg").unlink()
    monkeypatch.setenv("ZG_RUN", later)
    assert not waited(tmp_path, "cam")
    note_waiting(tmp_path)
    assert not waited(tmp_path, "cam")


@pytest.mark.parametrize("names", [[], ["photo.jpg", "cam-7.jpg", "sub/cam-00000007.jpg"]])
def test_without_frames_nothing_is_written(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    note_waiting(tmp_path)
    assert not (tmp_path / RECORD).exists()


@pytest.mark.parametrize("damage", ["", "[]", "7", '{"run": 1, "more": 2}', "\xff"])
def test_a_damaged_record_is_said_and_written_anew(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / RECORD).write_text(damage, "latin-1")
    assert not waited(tmp_path, "cam")
    assert capsys.readouterr().out == f"{tmp_path / RECORD} is damaged: goes on without it\n"
    (tmp_path / "cam-00000007.jpg").touch()
    note_waiting(tmp_path)
    (tmp_path / "cam-00000007.jpg").unlink()
    assert waited(tmp_path, "cam")


def test_a_full_disk_is_said_and_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with disk(tmp_path / "spool", options="nr_inodes=3") as spool:
        (spool / "cam-00000007.jpg").touch()
        (spool / "b-00000007.jpg").touch()
        note_waiting(spool)
        words = "(No space left on device): a clip whose frames wait may be split again"
        assert capsys.readouterr().out == f"cannot write {spool / RECORD} {words}\n"


def test_a_clip_that_is_through_is_not_split_again_if_its_frames_went_before_it_looked(
    tmp_path: Path,
) -> None:
    left_behind(tmp_path, next=750, ended=True, run="earlier")
    (tmp_path / "test-00000749.jpg").touch()
    note_waiting(tmp_path)
    (tmp_path / "test-00000749.jpg").unlink()
    with FrameFolder(tmp_path, job("test"), "") as spool:
        assert list(spool.settle()) == []
        assert spool.complete
