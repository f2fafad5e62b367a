"""The folder that a splitter writes frames to."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media.delivery import frames as frames_module
from media.delivery.frames import FrameFolder
from media.delivery.mark import Mark
from media.delivery.placing import GROUP
from media.sources.source import WrongArgument
from tests.jobs import job


def settled(folder: Path, source: str = "test", budget: str = "", **wish: Any) -> FrameFolder:
    """A splitter's folder that frames may be written to."""
    spool = FrameFolder(folder, job(source, **wish), budget)
    try:
        assert list(spool.settle()) == []
    except BaseException as error:
        spool.__exit__(type(error), error, None)
        raise
    return spool


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def left_behind(folder: Path, **facts: Any) -> Mark:
    """The mark of an earlier life."""
    mark = replace(Mark.of(job("test")), **facts)
    mark.write(folder / ".test.mark", folder)
    return mark


def test_frames_appear_under_their_names_and_the_workspace_goes(tmp_path: Path) -> None:
    with settled(tmp_path / "new" / "spool") as spool:
        spool.place(0, b"zero")
        (spool.workspace / "made").write_bytes(b"one")
        spool.place(1, spool.workspace / "made")
        spool.end()
    folder = tmp_path / "new" / "spool"
    assert [(folder / name).read_bytes() for name in visible(folder)] == [b"zero", b"one"]
    assert sorted(path.name for path in folder.iterdir()) == [".test.mark", "test-00000000.jpg", "test-00000001.jpg"]
    mark = Mark.read(folder / ".test.mark")
    assert mark
    assert (mark.next, mark.ended) == (2, True)


def test_the_mark_covers_only_frames_that_are_in_place(tmp_path: Path) -> None:
    with settled(tmp_path) as spool:
        for number in range(3):
            spool.place(number, b"frame")
            mark = Mark.read(tmp_path / ".test.mark")
            assert mark
            assert len(visible(tmp_path)) >= mark.next


def test_a_clip_goes_on_where_its_mark_says(tmp_path: Path) -> None:
    left_behind(tmp_path, next=5)
    with settled(tmp_path) as spool:
        assert (spool.next, spool.complete) == (5, False)


@pytest.mark.parametrize("place", ["", ".taken"])
def test_a_frame_that_waits_is_never_written_again(tmp_path: Path, place: str) -> None:
    left_behind(tmp_path, next=5)
    (tmp_path / place).mkdir(exist_ok=True)
    waiting = tmp_path / place / "test-00000005.jpg"
    waiting.write_bytes(b"the first")
    with settled(tmp_path) as spool:
        spool.place(5, b"the second")
        assert visible(tmp_path) == ([] if place else [waiting.name])
        assert waiting.read_bytes() == b"the first"
        assert spool.next == 6


def test_a_frame_that_was_about_to_appear_appears(tmp_path: Path) -> None:
    left_behind(tmp_path, next=5, placing=True)
    (tmp_path / ".test.work").mkdir()
    (tmp_path / ".test.work" / "5.part").write_bytes(b"whole")
    with settled(tmp_path) as spool:
        assert spool.next == 6
        assert (tmp_path / "test-00000005.jpg").read_bytes() == b"whole"


def test_a_frame_that_appeared_and_is_finished_does_not_appear_again(tmp_path: Path) -> None:
    left_behind(tmp_path, next=5, placing=True)
    with settled(tmp_path) as spool:
        assert spool.next == 6
        assert visible(tmp_path) == []


def test_frames_that_come_at_once_appear_together(tmp_path: Path) -> None:
    with settled(tmp_path) as spool:
        for number in range(GROUP - 1):
            spool.place(number, b"frame", more=True)
        assert visible(tmp_path) == []
        spool.place(GROUP - 1, b"frame", more=True)
        assert len(visible(tmp_path)) == GROUP
        spool.place(GROUP, b"frame", more=True)
        spool.end()
        assert len(visible(tmp_path)) == GROUP + 1


def test_frames_that_are_stopped_before_they_appear_are_written_by_the_next_life(tmp_path: Path) -> None:
    with settled(tmp_path) as spool:
        spool.place(0, b"frame")
        spool.place(1, b"frame", more=True)
    with settled(tmp_path) as spool:
        assert spool.next == 1


def test_a_group_that_appeared_in_part_is_completed_and_nothing_of_it_twice(tmp_path: Path) -> None:
    left_behind(tmp_path, next=5, placing=3)
    (tmp_path / ".test.work").mkdir()
    for number in (6, 7, 8):  # 5 has appeared, and is finished; 8 is of a group that was not marked
        (tmp_path / ".test.work" / f"{number}.part").write_bytes(b"whole")
    with settled(tmp_path) as spool:
        assert spool.next == 8
        assert visible(tmp_path) == ["test-00000006.jpg", "test-00000007.jpg"]
        assert not list(spool.workspace.glob("*.part"))


def test_a_clip_that_is_through_is_not_split_again_in_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZG_RUN", "17")
    left_behind(tmp_path, next=750, ended=True)
    with settled(tmp_path) as spool:
        assert spool.complete


@pytest.mark.parametrize("place", ["", ".taken"])
def test_a_clip_that_is_through_is_not_split_again_while_its_frames_wait(tmp_path: Path, place: str) -> None:
    left_behind(tmp_path, next=750, ended=True, run="earlier")
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "test-00000749.jpg").touch()
    with settled(tmp_path) as spool:
        assert spool.complete


def test_a_clip_that_is_through_is_split_afresh_in_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("another", ""):  # without a launcher every start is a run of its own
        monkeypatch.setenv("ZG_RUN", run)
        left_behind(tmp_path, next=750, ended=True, run="" if not run else "earlier")
        with settled(tmp_path) as spool:
            assert (spool.next, spool.complete) == (0, False)


@pytest.mark.parametrize("mark", [{}, {"size": 99, "next": 5}, {"mtime": 1, "ended": True}])
@pytest.mark.parametrize("place", ["", ".taken"])
def test_another_clip_waits_until_the_earlier_frames_have_left(
    tmp_path: Path, place: str, mark: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    if mark:
        left_behind(tmp_path, **mark)
    (tmp_path / place).mkdir(exist_ok=True)
    earlier = tmp_path / place / "test-00000003.jpg"
    earlier.write_bytes(b"of the other clip")
    (tmp_path / "test-2-00000003.jpg").touch()  # another stream's, which may stay
    with FrameFolder(tmp_path, job("test"), "") as spool:
        waiting = spool.settle()
        assert [next(waiting), next(waiting)] == [None, None]
        assert earlier.read_bytes() == b"of the other clip"
        earlier.unlink()
        with suppress(StopIteration):
            next(waiting)
        assert spool.next == 0
    words = capsys.readouterr().out
    assert words.startswith(f"waits until earlier frames of test have left {tmp_path}: if nothing takes them")
    assert words.count("\n") == 1


def test_only_one_splitter_writes_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "PATIENCE", 0.3)
    refused = pytest.raises(WrongArgument, match=r"another splitter writes test into .*: stop it, or give")
    with settled(tmp_path), settled(tmp_path, stream="other"), refused:
        settled(tmp_path)
    settled(tmp_path).__exit__(None, None, None)  # the lock went with its owner


def test_the_next_splitter_waits_for_the_lock(tmp_path: Path) -> None:
    with settled(tmp_path) as first:
        second = FrameFolder(tmp_path, job("test"), "")
        waiting = second.settle()
        assert next(waiting) is None
    assert not first.workspace.exists()
    with second:
        assert all(step is None for step in waiting)
        second.place(0, b"frame")
    assert visible(tmp_path) == ["test-00000000.jpg"]


def test_live_frames_wait_for_nobody_and_leave_no_mark(tmp_path: Path) -> None:
    for _ in range(2):
        with settled(tmp_path, "test:forever", stream="gate") as spool:
            spool.place(0, b"frame")
            spool.end()
    assert len(visible(tmp_path)) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_killed_live_start_left_is_swept_and_what_lives_is_not(tmp_path: Path) -> None:
    killed = tmp_path / ".gate-20260101T000000Z-0a1b.work"
    killed.mkdir()
    (killed / "lock").touch()
    (killed / "7.part").touch()
    with settled(tmp_path, "test:forever", stream="gate") as alive:
        assert not killed.exists()
        with settled(tmp_path, "test:forever", stream="gate") as other:
            assert alive.workspace.exists() or alive.workspace == other.workspace


def test_a_folder_that_cannot_be_made_is_an_argument_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, why in ((tmp_path / "file" / "spool", "Not a directory"), (Path("/proc/spool"), "No such file")):
        with pytest.raises(WrongArgument, match=f"folder: cannot write to {folder}: {why}.*; give another"):
            settled(folder)


def test_another_source_of_the_same_stream_says_what_may_be_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left_behind(tmp_path, source="monday/clip.mp4", next=5)
    with settled(tmp_path) as spool:
        assert spool.next == 0
    assert capsys.readouterr().out.startswith("frames of monday/clip.mp4 were named test before: ")
