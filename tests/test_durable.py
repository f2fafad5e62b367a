"""What is fsynced before what: files and folders, a resume mark and its frames, the dead letters of the bus."""

import errno
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bus import Message
from bus.deadletters import DeadLetters
from bus.durable import FOLDER, opened, sync_files, sync_folder, sync_way
from media.delivery.frames import FrameFolder
from media.delivery.mark import Mark
from media.saving.atomic import AtomicFolder
from media.watched.spool import Spool
from tests.jobs import job


@pytest.fixture
def deeds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was brought to the disk, and what was given a name, from now on: paths, in their order."""
    found: list[str] = []
    fsync, rename, replace = os.fsync, Path.rename, Path.replace

    def sync_and_tell(descriptor: int) -> None:
        found.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink()}")
        fsync(descriptor)

    def rename_and_tell(old: Path, new: Path) -> Path:
        found.append(f"name {new}")
        return rename(old, new)

    def replace_and_tell(old: Path, new: Path) -> Path:
        found.append(f"name {new}")
        return replace(old, new)

    monkeypatch.setattr(os, "fsync", sync_and_tell)
    monkeypatch.setattr(Path, "rename", rename_and_tell)
    monkeypatch.setattr(Path, "replace", replace_and_tell)
    return found


def refuse(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Let every fsync fail."""

    def fails(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fails)


def test_each_of_some_files_is_fsynced(tmp_path: Path, deeds: list[str]) -> None:
    paths = [tmp_path / name for name in "abc"]
    with ExitStack() as files:
        sync_files([files.enter_context(open(path, "wb")).fileno() for path in paths])
    assert deeds == [f"sync {path}" for path in paths]


def test_a_folder_is_fsynced_and_only_where_that_cannot_be_it_is_left_out(
    tmp_path: Path, deeds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, FOLDER) as folder:
        sync_folder(folder)
        assert deeds == [f"sync {tmp_path}"]
        refuse(monkeypatch, errno.EINVAL)
        sync_folder(folder)
        refuse(monkeypatch, errno.EIO)
        with pytest.raises(OSError, match="Input/output error"):
            sync_folder(folder)


def test_the_way_to_a_folder_is_fsynced_up_to_the_top_of_its_disk(tmp_path: Path, deeds: list[str]) -> None:
    folder = tmp_path.resolve() / "a" / "b"
    folder.mkdir(parents=True)
    sync_way(folder)
    assert deeds[:2] == [f"sync {tmp_path.resolve() / 'a'}", f"sync {tmp_path.resolve()}"]
    disk = folder.stat().st_dev
    tops = [above for above in folder.parents if above.stat().st_dev == disk and (above.is_mount() or not above.name)]
    assert deeds[-1] == f"sync {tops[0]}"


def test_a_mark_takes_its_place_when_it_and_its_frames_and_their_names_are_on_the_disk(
    tmp_path: Path, deeds: list[str]
) -> None:
    workspace, file = tmp_path / ".clip.work", tmp_path / ".clip.mark"
    workspace.mkdir()
    frames = [workspace / f"{number}.part" for number in range(3)]
    for frame in frames:
        frame.write_bytes(b"frame")
    Mark.of(job("test")).write(file, workspace, frames)
    assert sorted(deeds[:-1]) == sorted(f"sync {path}" for path in (*frames, workspace / "mark", workspace, tmp_path))
    assert deeds[-1] == f"name {file}"


def test_a_mark_whose_frames_do_not_come_to_the_disk_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0.part").write_bytes(b"frame")
    refuse(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        Mark.of(job("test")).write(tmp_path / ".clip.mark", tmp_path, [tmp_path / "0.part"])
    assert [path.name for path in tmp_path.iterdir()] == ["0.part"]


def test_a_frame_of_a_clip_is_on_the_disk_before_its_mark_and_its_mark_before_it_appears(
    tmp_path: Path, deeds: list[str]
) -> None:
    with FrameFolder(tmp_path, job("test"), "") as spool:
        assert list(spool.settle()) == []
        deeds.clear()
        spool.place(0, b"frame")
        part = spool.workspace / "0.part"
    wanted = [f"sync {part}", f"name {tmp_path / '.test.mark'}", f"name {tmp_path / 'test-00000000.jpg'}"]
    assert [deed for deed in deeds if deed in wanted] == wanted


def test_the_end_of_a_clip_is_on_the_disk_with_the_name_of_its_mark(tmp_path: Path, deeds: list[str]) -> None:
    with FrameFolder(tmp_path, job("test"), "") as spool:
        assert list(spool.settle()) == []
        spool.place(0, b"frame")
        deeds.clear()
        spool.end()
    assert f"sync {tmp_path}" in deeds[deeds.index(f"name {tmp_path / '.test.mark'}") :]


def makes_results(folder: Path) -> None:
    AtomicFolder(folder, sync=True).make()


def makes_frames(folder: Path) -> None:
    with FrameFolder(folder, job("test"), "") as spool:
        assert list(spool.settle()) == []


def watches(folder: Path) -> None:
    Spool(str(folder), "delete").close()


@pytest.mark.parametrize("deed", [makes_results, makes_frames, watches])
def test_the_way_to_a_folder_is_on_the_disk_before_anything_is_entrusted_to_it(
    tmp_path: Path, deeds: list[str], deed: Callable[[Path], None]
) -> None:
    """Whoever made it: that one may have been killed before it came to that."""
    above = tmp_path.resolve() / "above"
    (above / "folder").mkdir(parents=True)
    deed(above / "folder")
    assert {f"sync {above}", f"sync {above.parent}"} <= {*deeds}


# ---- dead letters of the bus


def test_a_dead_letter_and_its_reason_are_on_the_disk_with_their_names_before_its_message_is_through(
    tmp_path: Path, deeds: list[str]
) -> None:
    folder = tmp_path.resolve() / "dead-letters" / "show"
    said: list[str] = []
    DeadLetters(folder, said.append).put(*letter(), "too dark", lambda: deeds.append("through"))
    assert (folder / "a.jpg").read_bytes() == b"image"
    assert (folder / "a.jpg.txt").read_text() == "too dark\n"
    named = [
        place for place, deed in enumerate(deeds) if deed in (f"name {folder / n}" for n in ("a.jpg", "a.jpg.txt"))
    ]
    assert len(named) == 2
    before, after = deeds[: named[0]], deeds[named[1] :]
    assert len([deed for deed in before if deed.startswith(f"sync {folder}/")]) == 2
    assert {f"sync {folder}", f"sync {folder.parent}", f"sync {tmp_path.resolve()}"} <= {*after}
    assert deeds.index("through") == len(deeds) - 1
    assert said == [f"dead letter {folder / 'a.jpg'}: too dark"]


def test_a_message_whose_dead_letter_the_disk_refuses_is_not_through_until_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, through = DeadLetters(tmp_path / "show", lambda words: None), list[str]()
    with monkeypatch.context() as failing:
        refuse(failing, errno.EIO)
        dead.put(*letter(), "too dark", lambda: through.append("a.jpg"))
    assert (through, dead.idle, list((tmp_path / "show").iterdir())) == ([], False, [])
    dead.tick(time.monotonic() + 60, awake=True)
    assert (through, dead.idle) == (["a.jpg"], True)
    assert {path.name for path in (tmp_path / "show").iterdir()} == {"a.jpg", "a.jpg.txt"}


def letter() -> tuple[dict[str, Any], bytes | memoryview]:
    return Message(b"image", name="a.jpg").dump()
