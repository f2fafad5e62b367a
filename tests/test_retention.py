"""The oldest results go, nothing else does, and a large folder holds no frame up."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from media.saving import retention as retention_module
from media.saving.atomic import AtomicFolder, File
from media.saving.retention import SLICE, Result, Retention

WRITER = """
import sys
from pathlib import Path
from media.saving.atomic import AtomicFolder, File
from media.saving.retention import Retention

root = Path(sys.argv[1])
folder, retention = AtomicFolder(root, sync=False), Retention(root, "20")
for number in range(300):
    folder.write([File((sys.argv[2], f"{number:03d}"), b"x", print)])
    retention.keep_up(1, 1)
"""


def save(root: Path, *names: str, size: int = 1, age: float = 0.0) -> None:
    """Results as a node saves them, `age` seconds old."""
    AtomicFolder(root, sync=False).write([File(tuple(name.split("/")), b"x" * size, pytest.fail) for name in names])
    for name in names:
        os.utime(root / name, (time.time() - age,) * 2)


def enforce(retention: Retention) -> None:
    for _ in range(100):  # groups; a search may take several when the machine is busy
        retention.keep_up(0, 0)


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_number_keeps_that_many_of_the_newest(tmp_path: Path) -> None:
    for age in range(10):
        save(tmp_path, f"{age}.jpg", age=age)

    enforce(Retention(tmp_path, "4"))

    assert left(tmp_path) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_a_size_keeps_the_newest_that_fit(tmp_path: Path) -> None:
    for age in range(10):
        save(tmp_path, f"{age}.jpg", size=300, age=age)

    enforce(Retention(tmp_path, "1KB"))

    assert left(tmp_path) == ["0.jpg", "1.jpg", "2.jpg"]


def test_an_age_deletes_what_is_older(tmp_path: Path) -> None:
    for hours in (1, 5, 30, 60):
        save(tmp_path, f"{hours}.jpg", age=hours * 3600)

    enforce(Retention(tmp_path, "1.5d"))
    assert left(tmp_path) == ["1.jpg", "30.jpg", "5.jpg"]

    enforce(Retention(tmp_path, "90m"))
    assert left(tmp_path) == ["1.jpg"]


def test_what_no_node_saved_is_neither_counted_nor_deleted(tmp_path: Path) -> None:
    root = tmp_path / "results"
    save(root, "old/result.jpg", age=9)
    save(tmp_path / "elsewhere", "theirs.jpg", age=99)
    save(root / ".hidden", "result.jpg", age=99)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "theirs.jpg").symlink_to(tmp_path / "elsewhere/theirs.jpg")
    (root / "holiday.jpg").write_bytes(b"mine")
    (root / "copy.jpg").write_bytes((root / "old/result.jpg").read_bytes())
    os.mkfifo(root / "pipe.jpg")
    kept = left(tmp_path)
    save(root, "new.jpg")

    enforce(Retention(root, "1"))

    assert left(tmp_path) == sorted({*kept, "results/new.jpg"} - {"results/old/result.jpg"})


def test_a_folder_that_is_emptied_goes_but_never_the_root(tmp_path: Path) -> None:
    save(tmp_path, "2026-01-01/07/a.jpg", "2026-01-01/08/a.jpg", age=7200)
    (tmp_path / "2026-01-01/08/note.txt").touch()

    enforce(Retention(tmp_path, "1h"))

    assert left(tmp_path) == ["2026-01-01/08/note.txt"]
    assert not (tmp_path / "2026-01-01/07").exists()

    (tmp_path / "2026-01-01/08/note.txt").unlink()
    save(tmp_path, "a.jpg", age=7200)
    enforce(Retention(tmp_path, "1h"))
    assert tmp_path.is_dir()


def test_the_folder_is_searched_once_in_a_hundredth_of_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[Path] = []
    scandir = os.scandir

    def scandir_and_tell(folder: Path) -> object:
        searched.append(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", scandir_and_tell)
    retention = Retention(tmp_path, "2000")
    for _ in range(41):
        retention.keep_up(1, 1)

    assert searched == [tmp_path] * 3


class Clock:
    """Each look at anything takes a millisecond, by this clock alone."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        return self.looks / 1000

    time_ns = staticmethod(time.time_ns)


def test_a_long_search_is_spread_over_many_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, *(f"{number:03d}" for number in range(200)))
    for number in range(200):
        (tmp_path / f"theirs {number}").touch()
    clock, marked, delete = Clock(), retention_module._marked, Retention._delete

    def look(path: str) -> bool:
        clock.looks += 1
        return marked(path)

    def look_and_delete(retention: Retention, result: Result) -> None:
        clock.looks += 1
        delete(retention, result)

    monkeypatch.setattr(retention_module, "time", clock)
    monkeypatch.setattr(retention_module, "_marked", look)
    monkeypatch.setattr(Retention, "_delete", look_and_delete)
    retention = Retention(tmp_path, "10")
    each = []
    while len([*tmp_path.iterdir()]) > 210:
        before = clock.looks
        retention.keep_up(0, 0)
        each.append(clock.looks - before)

    assert sum(each) == 400 + 190
    assert max(each) <= SLICE * 1000 + 1


def test_processes_side_by_side_keep_the_limit_together(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, name]) for name in "abc"]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert (
        20 <= len(left(tmp_path)) < 50
    )  # none too many is deleted; what a busy machine left, the next group would take


def test_a_folder_that_others_empty_and_remove_again_and_again_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, removed = os.rename, list[Any]()

    def rename_after_others(*names: Any, **folders: Any) -> None:
        if len(removed) < 2:
            (tmp_path / "hour").rmdir()
            removed.append(names)
        rename(*names, **folders)

    monkeypatch.setattr(os, "rename", rename_after_others)
    save(tmp_path, "hour/a.jpg")

    assert left(tmp_path) == ["hour/a.jpg"]
    assert len(removed) == 2


def test_whose_result_another_process_deleted_leaves_its_folder_to_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, folder = Path.unlink, tmp_path / "hour"
    save(tmp_path, "hour/a.jpg", age=7200)

    def unlink_as_second(path: Path) -> None:
        unlink(path)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", unlink_as_second)
    enforce(Retention(tmp_path, "1h"))

    assert folder.is_dir()


@pytest.mark.parametrize("limit", ["20 gigs", "", "0", "0.0GB", "-5", "7 days", "1e9", "7D"])
def test_a_limit_that_is_none_is_told(tmp_path: Path, limit: str) -> None:
    with pytest.raises(ValueError) as mistake:
        Retention(tmp_path, limit)

    assert str(mistake.value) == f'retain is "{limit}": write a size like 20GB, an age like 7d, or how many, like 1000'


def test_a_folder_that_cannot_carry_marks_is_told() -> None:
    with pytest.raises(ValueError, match=r"^retain needs extended attributes, which the file system of /proc does"):
        Retention(Path("/proc"), "1000")
