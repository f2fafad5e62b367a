"""media/delivery/frames.py: a frame that could not be moved into place, or be brought to the disk, is not lost."""

import errno
import os
from pathlib import Path

import pytest

from bus import Stopped
from media.delivery import frames as frames_module
from media.delivery.frames import FrameFolder
from tests.jobs import job
from tests.test_frames import settled, visible


def fails_to_appear(monkeypatch: pytest.MonkeyPatch, name: str, times: int) -> None:
    """The next so many renames to `name` find the disk broken."""
    left, rename = [None] * times, Path.rename

    def disk_fails(part: Path, to: Path) -> Path:
        if to.name == name and left:
            left.pop()
            raise OSError(errno.EIO, "Input/output error")
        return rename(part, to)

    monkeypatch.setattr(Path, "rename", disk_fails)


def stopped(words: str, seconds: float) -> None:
    """The node is told to stop while it waits for its disk."""
    raise Stopped


def test_a_frame_that_could_not_appear_does_so_in_the_next_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_to_appear(monkeypatch, "test-00000001.jpg", times=2)
    monkeypatch.setattr("media.delivery.frames.wait", stopped)
    with pytest.raises(Stopped), settled(tmp_path) as spool:
        for number in range(3):
            spool.place(number, b"frame %d" % number)
    with pytest.raises(Stopped), FrameFolder(tmp_path, job("test"), "") as spool:
        list(spool.settle())
    with settled(tmp_path) as spool:
        assert spool.next == 2
        assert (tmp_path / "test-00000001.jpg").read_bytes() == b"frame 1"
    assert not spool.workspace.exists()


def test_the_workspace_stays_for_no_other_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (GeneratorExit, Stopped, OSError):
        with pytest.raises(error), settled(tmp_path) as spool:
            spool.place(spool.next, b"frame")
            raise error
        assert not spool.workspace.exists()
    with settled(tmp_path, "test:forever") as spool:
        fails_to_appear(monkeypatch, f"{spool.workspace.name[1:-5]}-00000000.jpg", times=1)
        assert spool.place(0, b"frame") is not None
    assert not spool.workspace.exists()


@pytest.mark.parametrize("as_file", [False, True])
def test_a_frame_that_the_disk_has_lost_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_file: bool
) -> None:
    fsync, written = os.fsync, []

    def lose_once(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".part":
            written.append(os.fstat(descriptor).st_mtime_ns)
            if len(written) == 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", lose_once)
    monkeypatch.setattr(frames_module, "wait", lambda words, seconds: None)
    with settled(tmp_path) as spool:
        made = spool.workspace / "made.jpg"
        made.write_bytes(b"frame")
        spool.place(0, made if as_file else b"frame")
    assert (tmp_path / "test-00000000.jpg").read_bytes() == b"frame"
    assert len(set(written)) == 2


def test_what_fills_the_budget_appears_before_the_rest_of_its_group_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    def finish_one(words: str, seconds: float) -> None:
        assert words.startswith("pauses, as 2 files of a budget of 2 files wait")
        waits.append(len(visible(tmp_path)))
        (tmp_path / visible(tmp_path)[0]).unlink()

    monkeypatch.setattr(frames_module, "wait", finish_one)
    monkeypatch.setattr("media.delivery.budget.REST", 0)
    with settled(tmp_path, budget="2") as spool:
        for number in range(5):
            spool.place(number, b"frame", more=number < 4)
        assert len(visible(tmp_path)) == 2
    assert waits == [2, 2, 2]
