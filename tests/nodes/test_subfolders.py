"""nodes/watcher.py and folders in its folder: made, moved, renamed and removed while files are written in them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nodes.watcher import watcher
from tests.conftest import need
from tests.nodes.playing import Flow, finish, nothing, some


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def flow(spool: Path) -> Iterator[Flow]:
    """A watcher of the spool, which watches already."""
    flow: Any = watcher(folder=str(spool), then="keep")
    with closing(flow):
        assert next(flow) is None
        yield flow


def put(file: Path, content: str = "whole") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def finished(flow: Flow, count: int) -> list[tuple[str, bytes]]:
    """Name and content of so many messages, each finished before the next is asked for; nothing comes after them."""
    came = []
    for _ in range(count):
        [message] = some(flow, 1)
        came.append((message.name, message.bytes))
        finish(message)
    assert nothing(flow)
    return came


def test_folders_made_one_in_the_other_as_fast_as_it_goes_are_all_heard_of(spool: Path, flow: Flow) -> None:
    names = [f"{top}/{'deep/' * depth}a.jpg" for top in range(10) for depth in range(10)]
    for name in names:
        put(spool / name, name)
    assert sorted(finished(flow, len(names))) == sorted((name, name.encode()) for name in names)


def test_a_folder_renamed_while_files_are_written_in_it_gives_them_the_new_name(spool: Path, flow: Flow) -> None:
    put(spool / "old/deep/done.jpg")
    with open(spool / "old/deep/slow.jpg", "w") as slow:
        slow.write("a half")
        slow.flush()
        assert finished(flow, 1) == [("old/deep/done.jpg", b"whole")]
        (spool / "old").rename(spool / "new")
        assert nothing(flow)
        slow.write(" and the rest")
        put(spool / "new/deep/after.jpg")
    came = dict(finished(flow, 2))
    assert came == {"new/deep/slow.jpg": b"a half and the rest", "new/deep/after.jpg": b"whole"}


RENAMED = """
import os, sys
spool, names = sys.argv[1], ("one", "two")
os.makedirs(f"{spool}/one/deep")
for number in range(500):
    here = names[number // 10 % 2]
    with open(f"{spool}/{here}/deep/{number:03}.jpg", "w") as file:
        file.write("whole")
    if number % 10 == 9:
        os.rename(f"{spool}/{here}", f"{spool}/{names[(number // 10 + 1) % 2]}")
"""


def test_in_a_folder_that_is_renamed_over_and_over_each_file_comes_once(spool: Path, flow: Flow) -> None:
    with subprocess.Popen([sys.executable, "-c", RENAMED, str(spool)]) as writer:
        came = finished(flow, 500)
    assert writer.returncode == 0
    assert sorted(Path(name).name for name, _ in came) == [f"{number:03}.jpg" for number in range(500)]


def test_a_folder_moved_in_comes_whole_and_moved_out_takes_its_files_along(
    spool: Path, flow: Flow, tmp_path: Path
) -> None:
    put(tmp_path / "photos/deep/a.jpg")
    (tmp_path / "photos").rename(spool / "photos")
    assert finished(flow, 1) == [("photos/deep/a.jpg", b"whole")]
    with open(spool / "photos/deep/b.jpg", "w") as late:
        (spool / "photos").rename(tmp_path / "photos")
        late.write("whole")
    assert nothing(flow)
    assert (tmp_path / "photos/deep/b.jpg").read_text() == "whole"


def test_of_a_folder_that_left_nothing_is_heard_under_its_old_name(spool: Path, flow: Flow, tmp_path: Path) -> None:
    put(spool / "sub/deep/a.jpg")
    finished(flow, 1)
    (spool / "sub").rename(tmp_path / "left")
    (spool / "sub/deep").mkdir(parents=True)
    assert nothing(flow)
    with open(spool / "sub/deep/b.jpg", "w") as slow:
        put(tmp_path / "left/deep/b.jpg", "another b.jpg")
        assert nothing(flow)
        slow.write("whole")
    assert finished(flow, 1) == [("sub/deep/b.jpg", b"whole")]


def test_a_folder_removed_and_made_again_is_watched_again(spool: Path, flow: Flow) -> None:
    need("rm")
    for number in range(5):
        put(spool / f"sub/deep/{number}.jpg")
        assert finished(flow, 1) == [(f"sub/deep/{number}.jpg", b"whole")]
        subprocess.run(["rm", "-r", str(spool / "sub")], check=True)


def test_closed_folders_are_never_looked_into_wherever_they_are(spool: Path, flow: Flow) -> None:
    for name in (
        ".done/a.jpg",
        ".hidden/deep/a.jpg",
        "dead-letters/a.jpg",
        "sub/.hidden/a.jpg",
        "sub/dead-letters/a.jpg",
    ):
        put(spool / name)
    assert nothing(flow)
    (spool / "sub/.hidden").rename(spool / "sub/shown")
    (spool / "dead-letters").rename(spool / "again")  # how a user has dead letters tried again
    assert {name for name, _ in finished(flow, 2)} == {"sub/shown/a.jpg", "again/a.jpg"}
    (spool / "sub").rename(spool / ".sub")
    put(spool / ".sub/shown/b.jpg")
    assert nothing(flow)
