"""The budget of a folder: what is a limit, what counts, and how seldom it is counted."""

import os
import shutil
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from media.delivery import budget as budget_module
from media.delivery.budget import SLICE, Budget
from media.sources.source import WrongArgument
from media.storage.disk import NoRoom
from tests.conftest import until
from tests.mounting import disk


def counted(folder: Path, text: str) -> Budget:
    """A budget that has counted what waits in `folder`."""
    budget = Budget(folder, text)
    assert all(step is None for step in budget.settle())
    return budget


def add(folder: Path, name: str, size: int = 1) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x" * size)


def fits(budget: Budget, size: int = 1) -> bool:
    try:
        budget.check(size)
    except NoRoom:
        return False
    return True


def fill(folder: Path, budget: Budget, size: int = 1, prefix: str = "ours") -> int:
    """Write files until the budget is full; how many."""
    number = 0
    while fits(budget, size):
        add(folder, f"{prefix}-{number}.jpg", size)
        budget.wrote(size)
        number += 1
    return number


@pytest.mark.parametrize(
    "text", ["lots", "0", "0GB", "0%", "-5", "5.5", "150%", "1e9", "2 gigs", "2gb", "7d", "GB", "%", " ", "5 000"]
)
def test_what_is_no_limit_is_told_with_examples(tmp_path: Path, text: str) -> None:
    with pytest.raises(WrongArgument) as mistake:
        Budget(tmp_path, text)
    assert str(mistake.value) == (
        f'budget: "{text}" is no limit: give a size like 2GB, a number of files like 5000, or a part of the free disk'
        " like 20%"
    )


@pytest.mark.parametrize(
    ("text", "size", "count", "words", "held"),
    [
        ("1", 10**6, 1, "1 file", "1 file"),
        ("7", 10, 7, "7 files", "7 files"),
        ("2KB", 300, 6, "2KB", "1.8KB"),
        ("1.5 KB", 500, 3, "1.5 KB", "1.5KB"),
        ("0.002MB", 1000, 2, "0.002MB", "2KB"),
        ("0.3MB", 123_456, 2, "0.3MB", "247KB"),
    ],
)
def test_a_number_limits_files_and_a_size_limits_bytes(
    tmp_path: Path, text: str, size: int, count: int, words: str, held: str
) -> None:
    budget = counted(tmp_path, text)
    assert fill(tmp_path, budget, size) == count
    with pytest.raises(NoRoom) as trouble:
        budget.check(size)
    assert str(trouble.value) == f"the folder's budget of {words} is full"
    assert trouble.value.until == (
        f"pauses, as {held} of a budget of {words} wait in {tmp_path}: goes on as a watcher finishes them;"
        " is one running?"
    )


def test_units_are_those_of_retain(tmp_path: Path) -> None:
    for unit, exponent in {"KB": 3, "MB": 6, "GB": 9, "TB": 12}.items():
        budget = counted(tmp_path, f"64{unit}")
        assert fits(budget, 64 * 10**exponent)
        add(tmp_path, "one byte.jpg")
        assert not fits(counted(tmp_path, f"64{unit}"), 64 * 10**exponent)
        (tmp_path / "one byte.jpg").unlink()


def test_what_a_watcher_would_take_or_has_taken_counts_and_nothing_else(tmp_path: Path) -> None:
    for counts in ("a.jpg", "theirs.txt", "sub/b.jpg", ".taken/c.jpg", ".taken/sub/deep/d.jpg"):
        add(tmp_path, counts)
    for other in (".test.mark", ".test.work/3.part", ".done/e.jpg", "sub/.hidden/f.jpg", ".taken/.g.jpg"):
        add(tmp_path, other)
    for letter in ("dead-letters/h.jpg", "sub/dead-letters/i.jpg"):
        add(tmp_path, letter)
    add(tmp_path.with_name("elsewhere"), "j.jpg")
    (tmp_path / "folder.link").symlink_to(tmp_path.with_name("elsewhere"))
    (tmp_path / "file.link").symlink_to(tmp_path.with_name("elsewhere") / "j.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert fill(tmp_path, counted(tmp_path, "9")) == 4
    shutil.rmtree(tmp_path.with_name("elsewhere"))


def test_what_others_write_meanwhile_is_noticed_when_it_may_have_filled_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget_module, "REST", 0)
    mine = counted(tmp_path, "100")
    for number in range(60):
        add(tmp_path, f"theirs-{number}.jpg")
    assert fill(tmp_path, mine) == 50  # half of the room; then a count finds theirs


def test_writers_side_by_side_keep_the_limit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_module, "REST", 0)
    left, right = counted(tmp_path, "1000"), counted(tmp_path, "1000")
    number = 0
    while fits(left) or fits(right):
        for name, one in (("left", left), ("right", right)):
            if fits(one):
                add(tmp_path, f"{name}-{number}.jpg")
                one.wrote(1)
        number += 1
    assert len(list(tmp_path.iterdir())) == 1000


def test_there_is_room_again_as_soon_as_files_have_gone(tmp_path: Path) -> None:
    budget = counted(tmp_path, "20")
    fill(tmp_path, budget)
    for number in range(5):
        (tmp_path / f"ours-{number}.jpg").unlink()
    until(lambda: fits(budget), 5)
    assert fill(tmp_path, budget, prefix="more") == 5


def test_a_frame_larger_than_the_budget_waits_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = counted(tmp_path, "1KB")
    for name in ("first", "second"):
        until(lambda: fits(budget, 5000), 5)
        add(tmp_path, name, 5000)
        budget.wrote(5000)
        assert not fits(budget, 5000)
        assert not fits(budget, 1)
        (tmp_path / name).unlink()
    assert capsys.readouterr().out == (
        "a frame of 5KB is more than the folder's budget of 1KB: such frames wait one at a time;"
        " a larger budget: lets more wait\n"
    )


@pytest.mark.parametrize(("text", "limit", "shown"), [("", 20_000_000, "20%"), ("50 %", 50_000_000, "50 %")])
def test_a_part_of_the_free_disk_is_the_same_after_a_restart(tmp_path: Path, text: str, limit: int, shown: str) -> None:
    with disk(tmp_path / "disk", options="size=100000k") as folder:  # of 1024 bytes, which files take in pages of 4096
        before = str(counted(folder, text))
        add(folder, "waits.jpg", 4096 * 3000)
        budget = counted(folder, text)
        assert str(budget) == before == f"{limit * 1.024 / 1e6:.3g}MB ({shown} of the free space)"
        assert fits(budget, int(limit * 1.024) - 4096 * 3000)
        assert not fits(budget, int(limit * 1.024) - 4096 * 3000 + 1)


def test_a_disk_that_does_not_say_what_is_free_needs_another_limit(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", kind="ramfs") as folder:
        with pytest.raises(WrongArgument) as mistake:
            counted(folder, "")
        assert str(mistake.value) == (
            f"budget: the file system of {folder} does not say how much is free: give a size like 2GB, or a number of"
            " files like 5000"
        )
        assert fill(folder, counted(folder, "5")) == 5


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, float]]:
    """Which folder was looked into, and when by time.monotonic."""
    looks, scandir = [], os.scandir

    def scandir_and_tell(folder: Path) -> object:
        looks.append((folder, time.monotonic()))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", scandir_and_tell)
    return looks


def test_frames_are_not_counted_while_less_than_half_of_the_room_was_written(
    tmp_path: Path, counts: list[tuple[Path, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget_module, "REST", 0)
    mine = counted(tmp_path, "20000")
    for _ in range(20_000):  # a count finds none of them, as if a watcher kept up
        mine.check(1)
        mine.wrote(1)
    assert [folder for folder, _ in counts] == [tmp_path, tmp_path / ".taken"] * 2


def test_a_full_folder_is_counted_a_tenth_of_the_time_at_most(tmp_path: Path, counts: list[tuple[Path, float]]) -> None:
    for number in range(1000):
        (tmp_path / f"waits-{number}.jpg").touch()
    full = counted(tmp_path, "1000")
    while len(counts) < 20:
        assert not fits(full)
    begins, ends = [when for _, when in counts[::2]], [when for _, when in counts[1::2]]
    for begin, end, again in zip(begins, ends, begins[1:], strict=False):
        assert again - end >= 10 * (end - begin)


class Clock:
    """Each look at a file takes a millisecond, by this clock alone."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        return self.looks / 1000


def test_a_long_count_is_spread_over_many_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(200):
        (tmp_path / f"waits-{number}.jpg").touch()
    clock, waiting = Clock(), budget_module._waiting

    def look(folder: Path) -> Iterator["os.DirEntry[str]"]:
        for entry in waiting(folder):
            clock.looks += 1
            yield entry

    monkeypatch.setattr(budget_module, "time", clock)
    monkeypatch.setattr(budget_module, "_waiting", look)
    looks = [0, *(clock.looks for _ in Budget(tmp_path, "2GB").settle()), clock.looks]
    assert looks[-1] == 200
    assert max(after - before for before, after in pairwise(looks)) <= SLICE * 1000 + 1


def test_what_is_written_during_a_long_count_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        (tmp_path / f"waits-{number}.jpg").touch()
    mine = counted(tmp_path, "200")
    monkeypatch.setattr(budget_module, "SLICE", -1)  # one file in each frame's time
    monkeypatch.setattr(budget_module, "REST", 0)
    for number in range(1000):
        if fits(mine):
            add(tmp_path, f"ours-{number}.jpg")
            mine.wrote(1)
    assert len(list(tmp_path.iterdir())) == 200
