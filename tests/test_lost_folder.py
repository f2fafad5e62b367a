"""Frames on their way into a folder that fails under them: a quota, a stop in the midst of it, a folder removed."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bus import Stopped
from media.delivery import frames as frames_module
from media.delivery.mark import Mark
from media.delivery.workspace import Workspace
from media.sources.source import WrongArgument
from media.sources.video import Dropped
from tests.jobs import job
from tests.mounting import disk
from tests.test_frames import left_behind, settled, visible

OVER = OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.fixture(params=["write_bytes", "write_text", "replace", "rename"])
def quota(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Writing a frame or its mark, or moving one of them into place, is over the quota while the list holds a word.

    Kernels without quotas are common, so this stands for the kernel's answer.
    """
    over: list[str] = []
    real: Any = getattr(Path, request.param)

    def refused(self: Path, *args: Any) -> Any:
        if over:
            raise OVER
        return real(self, *args)

    monkeypatch.setattr(Path, request.param, refused)
    return over


@pytest.mark.parametrize("as_file", [False, True])
def test_a_quota_that_is_used_up_holds_a_clip_up(
    tmp_path: Path,
    quota: list[str],
    as_file: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(frames_module, "wait", lambda words, seconds: quota.clear())
    with settled(tmp_path) as spool:
        spool.place(0, b"zero")
        made = spool.workspace / "made.jpg"
        made.write_bytes(b"one")
        quota.append("over")
        spool.place(1, made if as_file else b"one")
    assert [(tmp_path / name).read_bytes() for name in visible(tmp_path)] == [b"zero", b"one"]
    words = (
        f"waits while the disk of {tmp_path} is full (Disk quota exceeded): make room on it, for bytes and for files"
    )
    assert capsys.readouterr().out.splitlines() == [words]


def test_a_clip_that_is_stopped_while_the_disk_is_full_loses_nothing(
    tmp_path: Path, quota: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(words: str, seconds: float) -> None:
        raise Stopped

    monkeypatch.setattr(frames_module, "wait", stop)
    with pytest.raises(Stopped), settled(tmp_path) as spool:
        spool.place(0, b"frame 0")
        quota.append("over")
        spool.place(1, b"frame 1")
    quota.clear()
    with settled(tmp_path) as spool:
        for number in range(spool.next, 3):
            spool.place(number, b"frame %d" % number)
    assert [(tmp_path / name).read_bytes() for name in visible(tmp_path)] == [b"frame 0", b"frame 1", b"frame 2"]
    assert not list(tmp_path.glob(".*.work"))


def test_a_live_frame_that_cannot_be_moved_into_place_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OVER

    with settled(tmp_path, "test:forever") as spool:
        with monkeypatch.context() as broken:
            broken.setattr(Path, "rename", refused)
            dropped = spool.place(0, b"zero")
        assert dropped == Dropped(1, f"the disk of {tmp_path} is full (Disk quota exceeded)")
        assert [path.name for path in spool.workspace.iterdir()] == ["lock"]
        assert spool.place(1, b"one") is None
    assert [(tmp_path / name).read_bytes() for name in visible(tmp_path)] == [b"one"]


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.EACCES, errno.ESTALE])
def test_any_other_fault_of_the_disk_is_waited_for_too(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    with settled(tmp_path) as spool, monkeypatch.context() as faulty:
        faulty.setattr(Path, "rename", broken)
        faulty.setattr(frames_module, "wait", lambda words, seconds: faulty.undo())
        spool.place(0, b"frame")
    assert [(tmp_path / name).read_bytes() for name in visible(tmp_path)] == [b"frame"]
    words = f"waits while the disk of {tmp_path} cannot be written to ({os.strerror(code)})\n"
    assert capsys.readouterr().out == words


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "spool"
    with settled(folder) as spool:
        for number in range(6):
            if number % 2:
                shutil.rmtree(folder.parent)
            assert spool.place(number, b"frame") is None
        assert visible(folder) == ["test-00000005.jpg"]
        shutil.rmtree(folder)
        spool.end()
        mark = Mark.read(folder / ".test.mark")
        assert mark
        assert (mark.next, mark.ended) == (6, True)
    assert [path.name for path in folder.iterdir()] == [".test.mark"]
    words = f"{folder} was removed, or the workspace in it: makes it again and goes on\n"
    assert capsys.readouterr().out == words


def test_a_folder_that_is_made_again_has_one_splitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "PATIENCE", 0.3)
    refused = "another splitter writes test into"
    with settled(tmp_path) as first:
        shutil.rmtree(first.workspace)
        first.place(0, b"frame")
        with pytest.raises(WrongArgument, match=refused):
            settled(tmp_path)
        shutil.rmtree(first.workspace)
        with settled(tmp_path) as second:
            assert second.next == 1
            with pytest.raises(WrongArgument, match=refused):
                first.place(1, b"frame")


def test_frames_that_are_removed_with_the_folder_are_counted_as_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with settled(folder, "test:forever") as spool:
        made = spool.workspace / "made.jpg"
        made.write_bytes(b"frame")
        shutil.rmtree(folder)
        assert spool.place(0, made) == Dropped(1, f"something else removed them from {spool.workspace}")
        made.write_bytes(b"frame")
        assert spool.place(1, made) is None
        assert len(visible(folder)) == 1


def test_a_frame_that_was_about_to_appear_outlives_a_start_that_is_refused(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", kind="ramfs") as folder:
        left_behind(folder, next=5, placing=True)
        (folder / ".test.work").mkdir()
        (folder / ".test.work" / "5.part").write_bytes(b"whole")
        with pytest.raises(WrongArgument, match="does not say how much is free"):
            settled(folder)
        with settled(folder, budget="9") as spool:
            assert spool.next == 6
        assert (folder / "test-00000005.jpg").read_bytes() == b"whole"


def test_who_has_the_lock_may_ask_for_it_again(tmp_path: Path) -> None:
    mine, other = Workspace(tmp_path, job("test")), Workspace(tmp_path, job("test"))
    assert [mine.lock(), mine.lock(), other.lock()] == [True, True, False]
    mine.leave(keep=False)
    assert other.lock()
    other.leave(keep=True)
    assert (tmp_path / ".test.work" / "lock").exists()


def test_what_lies_in_the_workspace_and_is_of_no_use_goes(tmp_path: Path) -> None:
    left_behind(tmp_path, next=5)
    (tmp_path / ".test.work").mkdir()
    (tmp_path / ".test.work" / "5.part").write_bytes(b"ha")
    with settled(tmp_path) as spool:
        assert spool.next == 5
    assert not (tmp_path / ".test.work").exists()
