"""Frames without room: the folder's budget or its disk is full."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from media.delivery import budget as budget_module
from media.delivery import frames as frames_module
from media.delivery.mark import Mark
from media.sources.video import Dropped
from media.storage import disk as disk_module
from tests.conftest import until
from tests.mounting import change, disk
from tests.test_frames import settled, visible

Meanwhile = Callable[[Callable[[], None]], list[str]]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Makes something happen each time that a splitter waits; what it says it waits for is collected."""

    def arrange(deed: Callable[[], None]) -> list[str]:
        waits: list[str] = []

        def instead(words: str, seconds: float) -> None:
            waits.append(words)
            deed()

        monkeypatch.setattr(frames_module, "wait", instead)
        monkeypatch.setattr(budget_module, "REST", 0)  # as if time went by
        return waits

    return arrange


def half_written(folder: Path, number: int) -> list[Path]:
    """What lies in the workspaces and is neither a lock, nor frame `number`, whole."""
    lie = [path for path in folder.glob(".*.work/*") if path.name != "lock"]
    return [path for path in lie if path.name != f"{number}.part" or path.read_bytes() != content(number)]


def content(number: int) -> bytes:
    return b"%d" % number * 5000


def names(*numbers: int) -> list[str]:
    return [f"test-{number:08d}.jpg" for number in numbers]


@pytest.mark.parametrize("as_file", [False, True])
def test_a_live_source_drops_what_is_over_the_budget_and_goes_on_when_there_is_room(
    tmp_path: Path, as_file: bool
) -> None:
    with settled(tmp_path, "test:forever", budget="3") as spool:
        given = []
        for number in range(8):
            body: bytes | Path = content(number)
            if as_file:
                body = spool.workspace / "made.jpg"
                body.write_bytes(content(number))
            given.append(spool.place(number, body))
            assert not half_written(tmp_path, -1)
            assert spool.next == number + 1
        assert given == [None] * 3 + [Dropped(1, "the folder's budget of 3 files is full")] * 5
        for name in visible(tmp_path)[:2]:
            (tmp_path / name).unlink()
        later = iter(range(8, 100))
        until(lambda: spool.place(next(later), b"new") is None, 5)
        assert spool.place(100, b"newest") is None
    assert [int(name[-12:-4]) for name in visible(tmp_path)] == [2, next(later) - 1, 100]


def test_a_clip_waits_until_there_is_room_in_the_budget_and_says_so(
    tmp_path: Path, meanwhile: Meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    finished: list[str] = []

    def a_watcher_finishes_one() -> None:
        assert len(visible(tmp_path)) == 3
        finished.append(visible(tmp_path)[0])
        (tmp_path / finished[-1]).unlink()

    waits = meanwhile(a_watcher_finishes_one)
    with settled(tmp_path, budget="3") as spool:
        for number in range(10):
            assert spool.place(number, content(number)) is None
        spool.end()
    assert finished + visible(tmp_path) == names(*range(10))
    words = f"pauses, as 3 files of a budget of 3 files wait in {tmp_path}: goes on as a watcher finishes them;"
    words += " is one running?"
    assert waits == [words] * 7
    assert capsys.readouterr().out.splitlines() == [words]


def test_it_says_again_what_it_waits_for_when_that_takes_long(
    tmp_path: Path, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frames_module, "REMIND", 0)
    left = iter(range(3))
    waits = meanwhile(lambda: None if next(left) < 2 else (tmp_path / names(0)[0]).unlink())
    with settled(tmp_path, budget="1") as spool:
        spool.place(0, b"frame")
        spool.place(1, b"frame")
    assert capsys.readouterr().out.splitlines() == waits
    assert len(waits) == 3


def test_frames_leave_room_on_the_disk_for_what_is_made_of_them(
    tmp_path: Path, meanwhile: Meanwhile, capsys: pytest.CaptureFixture[str]
) -> None:
    with disk(tmp_path / "disk", options="size=70M") as folder:
        filler = folder / ".filler"
        waits = meanwhile(filler.unlink)
        with settled(folder) as spool:
            spool.place(0, b"frame")
            filler.write_bytes(bytes(10 * 2**20))
            spool.place(1, b"frame")
        assert visible(folder) == names(0, 1)
        assert waits == [f"waits while there is room for less than 64 MB on the disk of {folder}"]
        assert capsys.readouterr().out.splitlines() == waits


def test_a_live_source_does_not_wait_for_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", options="size=60M") as folder, settled(folder, "test:forever") as spool:
        full = Dropped(1, f"there is room for less than 64 MB on the disk of {folder}")
        assert [spool.place(number, b"frame") for number in range(2)] == [full, full]
        change(folder, "size=100M")
        assert spool.place(2, b"frame") is None


def test_frames_leave_files_too_for_what_is_made_of_them(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", options="nr_inodes=1006") as folder, settled(folder, "test:forever") as spool:
        placed = [spool.place(number, b"frame") for number in range(5)]
        full = Dropped(1, f"there is room for less than 1000 files on the disk of {folder}")
        assert placed == [None] * 4 + [full]


def test_a_disk_that_runs_full_within_a_frame_keeps_no_half_of_it(tmp_path: Path, meanwhile: Meanwhile) -> None:
    large = bytes(75 * 10**6)  # more than is free, though that is more than the reserve
    with disk(tmp_path / "disk", options="size=70M") as folder:
        free = shutil.disk_usage(folder).free

        def somebody_makes_room() -> None:
            assert not half_written(folder, -1)
            assert shutil.disk_usage(folder).free == free
            change(folder, "size=100M")

        waits = meanwhile(somebody_makes_room)
        with settled(folder, budget="5") as spool:
            spool.place(0, large)
        assert (folder / names(0)[0]).stat().st_size == len(large)
        assert waits == [
            f"waits while the disk of {folder} is full (No space left on device): make room on it, for bytes and for"
            " files"
        ]


def test_a_disk_that_takes_no_more_files_holds_a_clip_up_at_any_step(
    tmp_path: Path, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "RESERVED_FILES", 0)
    inodes, number = 1, -1
    with disk(tmp_path / "disk", options="size=100M,nr_inodes=1") as folder:

        def somebody_makes_room() -> None:
            nonlocal inodes
            assert not half_written(folder, number)
            inodes += 1
            change(folder, f"nr_inodes={inodes}")

        waits = meanwhile(somebody_makes_room)
        with settled(folder, budget="5") as spool:
            for number in range(3):
                spool.place(number, content(number))
            spool.end()
        assert [(folder / name).read_bytes() for name in names(0, 1, 2)] == [content(number) for number in range(3)]
        mark = Mark.read(folder / ".test.mark")
        assert mark
        assert (mark.next, mark.ended) == (3, True)
        assert len(waits) > 5  # for the workspace, its lock, the mark, and each frame


def test_a_live_source_drops_what_a_disk_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module, "RESERVED_FILES", 0)
    with disk(tmp_path / "disk", options="size=100M,nr_inodes=4") as folder:
        with settled(folder, "test:forever", budget="9") as spool:
            dropped = Dropped(1, f"the disk of {folder} is full (No space left on device)")
            assert [spool.place(number, content(number)) for number in range(3)] == [None, dropped, dropped]
            assert not half_written(folder, -1)
            change(folder, "nr_inodes=10")
            assert spool.place(3, content(3)) is None
        assert [int(name[-12:-4]) for name in visible(folder)] == [0, 3]
