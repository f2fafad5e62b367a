"""media/frames.py: a frame that could not be moved into place is not lost."""

import errno
from pathlib import Path

import pytest

from bus import Stopped
from media.frames import FrameFolder
from tests.jobs import job
from tests.test_frames import settled


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
    monkeypatch.setattr("media.frames.wait", stopped)
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
