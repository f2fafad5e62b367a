"""media/delivery/placing.py: what a mark notes is moved into place, and nothing else is done to it, come what may."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bus import Stopped
from media.delivery import frames as frames_module
from media.delivery.mark import Mark
from media.delivery.workspace import Workspace
from media.sources.video import Dropped
from tests.test_frames import settled, visible

FRAMES = [b"frame %d" % number for number in range(5)]


class Killed(BaseException):
    """As by kill -9: what is on the disk stays as it is."""


@contextmanager
def killed(by: type[BaseException] = Killed) -> Iterator[pytest.MonkeyPatch]:
    """A life that ends so; what is patched is patched for its length. Only who is not killed clears up."""
    with pytest.MonkeyPatch.context() as patches, pytest.raises(by):
        if by is Killed:
            patches.setattr(Workspace, "leave", lambda self, keep: self._let_go())
        yield patches


def place_three(folder: Path, **wish: Any) -> None:
    with settled(folder, **wish) as spool:
        for number in range(3):
            spool.place(number, FRAMES[number], more=number < 2)


def go_on(folder: Path) -> list[bytes]:
    """The next life, which splits what is missing; the content of each frame that is in place then."""
    with settled(folder) as spool:
        for number in range(spool.next, 5):
            spool.place(number, FRAMES[number])
    assert not list(folder.glob(".*.work"))
    return [(folder / name).read_bytes() for name in visible(folder)]


def before_a_part_moves(patches: pytest.MonkeyPatch, deed: Callable[[], None]) -> None:
    rename = Path.rename

    def instead(file: Path, to: Path) -> Path:
        if file.suffix == ".part":
            deed()
        return rename(file, to)

    patches.setattr(Path, "rename", instead)


def fails(patches: pytest.MonkeyPatch, code: int, *deeds: str) -> list[None]:
    """From the first part on that is to be moved these deeds fail, what they write half-written. The times that did."""
    begun: list[None] = []

    def broken(deed: str) -> Callable[..., Any]:
        real = getattr(Path, deed)

        def instead(file: Path, what: Any) -> Any:
            if begun or (deed == "rename" and file.suffix == ".part"):
                begun.append(None)
                if deed == "write_bytes":
                    real(file, what[: len(what) // 2])
                raise OSError(code, os.strerror(code))
            return real(file, what)

        return instead

    for deed in deeds:
        patches.setattr(Path, deed, broken(deed))
    return begun


def die() -> None:
    raise Killed


def test_what_another_way_to_split_a_clip_finds_noted_is_not_taken_for_placed_later(tmp_path: Path) -> None:
    with killed() as patches:
        before_a_part_moves(patches, die)
        place_three(tmp_path)
    with settled(tmp_path, quality=50) as spool:  # tried, and stopped before its first frame
        assert spool.next == 0
    assert go_on(tmp_path) == FRAMES


def test_a_part_of_another_way_to_split_a_clip_is_not_taken_for_its_own(tmp_path: Path) -> None:
    with killed() as patches:
        before_a_part_moves(patches, die)
        place_three(tmp_path)
    with killed() as patches:
        write = Path.write_bytes

        def half(file: Path, content: bytes) -> None:
            write(file, content[: len(content) // 2])
            raise Killed

        patches.setattr(Path, "write_bytes", half)
        place_three(tmp_path, quality=50)
    assert go_on(tmp_path) == FRAMES


def test_the_old_mark_has_gone_from_the_disk_before_its_parts_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed() as patches:
        before_a_part_moves(patches, die)
        place_three(tmp_path)
    deeds, fsync, unlink = [], os.fsync, Path.unlink

    def on_sync(descriptor: int) -> None:
        fsync(descriptor)
        deeds.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")

    def on_unlink(file: Path, missing_ok: bool = False) -> None:
        deeds.append(f"unlink {file.name}")
        unlink(file, missing_ok)

    monkeypatch.setattr(os, "fsync", on_sync)
    monkeypatch.setattr(Path, "unlink", on_unlink)
    with settled(tmp_path, quality=50):
        pass
    gone = deeds.index("unlink .test.mark")
    assert deeds[gone + 1] == f"sync {tmp_path.name}"
    assert {*deeds[gone + 2 :]} == {f"unlink {number}.part" for number in range(3)}


@pytest.mark.parametrize("end", [Killed, Stopped])
@pytest.mark.parametrize(
    ("code", "deeds"),
    [
        (errno.EIO, ("rename", "write_bytes", "write_text")),
        (errno.EACCES, ("rename", "replace")),
        (errno.EACCES, ("rename", "replace", "write_bytes")),
        (errno.EIO, ("rename",)),
    ],
)
def test_parts_that_are_noted_and_cannot_be_moved_stay_as_they_are(
    tmp_path: Path, end: type[BaseException], code: int, deeds: tuple[str, ...]
) -> None:
    with killed(end) as patches:
        begun = fails(patches, code, *deeds)

        def wait(words: str, seconds: float) -> None:
            parts = {part.name: part.read_bytes() for part in tmp_path.glob(".test.work/*.part")}
            assert parts == {f"{number}.part": FRAMES[number] for number in range(3)}
            if len(begun) > 4:
                raise end

        patches.setattr(frames_module, "wait", wait)
        place_three(tmp_path)
    assert go_on(tmp_path) == FRAMES


def test_parts_that_were_noted_and_removed_are_not_noted_when_they_are_written_again(tmp_path: Path) -> None:
    noted: list[Mark | None] = []
    with killed() as patches:
        begun = fails(patches, errno.EIO, "rename")
        patches.setattr(frames_module, "wait", lambda words, seconds: shutil.rmtree(tmp_path / ".test.work"))
        write = Path.write_bytes

        def half(file: Path, content: bytes) -> None:
            if begun:
                noted.append(Mark.read(tmp_path / ".test.mark"))
                write(file, content[: len(content) // 2])
                raise Killed
            write(file, content)

        patches.setattr(Path, "write_bytes", half)
        place_three(tmp_path)
    [mark] = noted
    assert mark
    assert (mark.next, mark.placing) == (0, 0)
    assert go_on(tmp_path) == FRAMES


def test_a_mark_that_was_written_though_the_disk_says_no_is_taken_back_first(tmp_path: Path) -> None:
    said: list[None] = []
    with killed() as patches:
        write, replace = Path.write_bytes, Path.replace

        def says_no(file: Path, to: Path) -> Path:
            placed = replace(file, to)
            if not said:
                said.append(None)
                raise OSError(errno.EIO, "Input/output error")
            return placed

        def half(file: Path, content: bytes) -> None:
            write(file, content[: len(content) // 2] if said else content)
            if said:
                raise Killed

        patches.setattr(frames_module, "wait", lambda words, seconds: None)
        patches.setattr(Path, "replace", says_no)
        patches.setattr(Path, "write_bytes", half)
        place_three(tmp_path)
    assert go_on(tmp_path) == FRAMES


def test_a_live_frame_is_on_the_disk_before_it_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, synced = os.fsync, []

    def on_sync(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fsync", on_sync)
    with settled(tmp_path, "test:forever") as spool:
        before_a_part_moves(monkeypatch, lambda: synced.append("moved"))
        spool.place(0, b"zero")
        spool.place(1, b"one", more=True)
        spool.place(2, b"two")
    assert synced == ["0.part", "moved", "1.part", "2.part", "moved", "moved"]


def test_a_live_frame_that_the_disk_has_lost_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with settled(tmp_path, "test:forever") as spool:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", lost)
            assert spool.place(0, b"zero", more=True) is None
            why = f"the disk of {tmp_path} cannot be written to (Input/output error)"
            assert spool.place(1, b"one") == Dropped(2, why)
        assert spool.place(2, b"two") is None
    assert [name[-12:] for name in visible(tmp_path)] == ["00000002.jpg"]


def test_live_frames_that_wait_for_more_appear_when_nothing_comes_or_the_work_ends(tmp_path: Path) -> None:
    with settled(tmp_path, "test:forever") as spool:
        spool.place(0, b"zero", more=True)
        assert not visible(tmp_path)
        assert spool.flush() is None
        assert len(visible(tmp_path)) == 1
        spool.place(1, b"one", more=True)
    assert len(visible(tmp_path)) == 2
