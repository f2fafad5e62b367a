"""Files appear whole or not at all, whatever dies, and nothing leads out of the folder."""

import errno
import fcntl
import hashlib
import os
import resource
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from media.saving import atomic as module
from media.saving.atomic import MARK, AtomicFolder, File
from tests.conftest import need, until
from tests.ordeal import WITHOUT_POWER

WRITER = """
import hashlib, os, sys
from pathlib import Path
from media.saving.atomic import AtomicFolder, File

folder = AtomicFolder(Path(sys.argv[1]), sync=False)
bodies = [os.urandom(1_000_000) for _ in range(8)]
files = [File(("deep", hashlib.sha256(body).hexdigest()), body, sys.exit) for body in bodies]
while True:
    folder.write(files)
"""


def file(path: str, content: bytes = b"content", refused: list[str] | None = None) -> File:
    return File(tuple(path.split("/")), content, pytest.fail if refused is None else refused.append)


def whole(path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_files_are_written_in_folders_that_are_made_and_nothing_else_remains(tmp_path: Path) -> None:
    AtomicFolder(tmp_path / "not/yet/there", sync=True).write([file("a", b"1"), file("deep/er/b", b"2")])

    assert (tmp_path / "not/yet/there/a").read_bytes() == b"1"
    assert (tmp_path / "not/yet/there/deep/er/b").read_bytes() == b"2"
    assert everything(tmp_path) == ["not/yet/there/a", "not/yet/there/deep/er/b"]
    assert not list(tmp_path.rglob(".*"))


def test_a_file_replaces_what_had_its_name(tmp_path: Path) -> None:
    folder = AtomicFolder(tmp_path, sync=False)
    for content in (b"first, and longer", b"second"):
        folder.write([file("a", content)])

    assert (tmp_path / "a").read_bytes() == b"second"
    assert MARK in os.listxattr(tmp_path / "a")


def test_contents_are_on_the_disk_before_names_and_names_before_write_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeds: list[str] = []
    fsync, rename = os.fsync, os.rename

    def fsync_and_tell(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)
        deeds.append(f"sync {'content' if path.parts[:1] == ('.partial',) else path}")
        fsync(descriptor)

    def rename_and_tell(old: str, new: str, **folders: int) -> None:
        deeds.append(f"rename to {new}")
        rename(old, new, **folders)

    folder = AtomicFolder(tmp_path, sync=True)
    folder.make()
    monkeypatch.setattr(os, "fsync", fsync_and_tell)
    monkeypatch.setattr(os, "rename", rename_and_tell)

    folder.write([file("a"), file("cam/b")])
    assert deeds[:4] == ["sync content", "sync content", "rename to a", "rename to b"]
    assert sorted(deeds[4:]) == ["sync .", "sync cam"]

    deeds.clear()
    folder.write([file("cam/c")])
    assert deeds[:2] == ["sync content", "rename to c"]
    assert sorted(deeds[2:]) == ["sync .", "sync cam"]  # who made cam may have been killed before it was synced

    deeds.clear()
    AtomicFolder(tmp_path, sync=False).write([file("d")])
    assert deeds == ["rename to d"]


def test_a_writer_that_is_killed_leaves_whole_files_and_its_successor_sweeps_the_rest(tmp_path: Path) -> None:
    while not list(tmp_path.glob(".partial/*")):
        before = len(list(tmp_path.glob("deep/*")))
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path]) as writer:
            until(lambda: len(list(tmp_path.glob("deep/*"))) > before, 30, "files")  # noqa: B023 - called at once
            writer.kill()

    AtomicFolder(tmp_path, sync=True).make()

    assert not (tmp_path / ".partial").exists()
    assert all(whole(path) for path in tmp_path.glob("deep/*"))


def test_nobody_removes_what_a_living_writer_has_half_written(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial/half").write_bytes(b"half")
    living = os.open(tmp_path / ".partial", os.O_RDONLY)
    fcntl.flock(living, fcntl.LOCK_SH)

    AtomicFolder(tmp_path, sync=True).write([file("a")])
    assert everything(tmp_path) == [".partial/half", "a"]

    os.close(living)
    AtomicFolder(tmp_path, sync=True).write([file("b")])
    assert everything(tmp_path) == ["a", "b"]


def test_a_write_that_fails_leaves_nothing_half_written_though_others_are_writing(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    living = os.open(tmp_path / ".partial", os.O_RDONLY)
    fcntl.flock(living, fcntl.LOCK_SH)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            AtomicFolder(tmp_path, sync=True).write([file("small"), file("large", b"x" * 1001)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.close(living)
    assert everything(tmp_path) == []


def test_writers_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path]) for _ in range(3)]
    try:
        until(lambda: len(list(tmp_path.glob("deep/*"))) == 24, seconds=30, what="files of all")
        for number in range(300):
            AtomicFolder(tmp_path, sync=False).write([file(f"{number}")])
        assert [writer.poll() for writer in writers] == [None, None, None]
        assert all(whole(path) for path in tmp_path.glob("deep/*"))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


@pytest.mark.parametrize("name", ["link/a", "out/a"])
def test_a_symbolic_link_inside_leads_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "results/link").symlink_to(tmp_path / "outside")
    (tmp_path / "results/out").symlink_to("../outside")
    refused: list[str] = []

    AtomicFolder(tmp_path / "results", sync=False).write([file(name, refused=refused), file("good")])

    assert refused == [f"cannot save as '{name}': Not a directory"]
    assert everything(tmp_path / "outside") == []
    assert (tmp_path / "results/good").exists()


def test_a_link_with_the_files_own_name_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a").symlink_to(tmp_path / "precious")

    AtomicFolder(tmp_path / "results", sync=False).write([file("a", b"new")])

    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "results/a").read_bytes() == b"new"
    assert not (tmp_path / "results/a").is_symlink()


def test_a_name_that_is_a_folder_or_lies_in_a_file_is_refused_and_the_rest_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder/x").mkdir(parents=True)
    (tmp_path / "file").touch()
    refused: list[str] = []

    AtomicFolder(tmp_path, sync=False).write([file(name, refused=refused) for name in ["folder", "file/a", "good"]])

    assert refused == ["cannot save as 'file/a': Not a directory", "cannot save as 'folder': Is a directory"]
    assert (tmp_path / "good").exists()
    assert not (tmp_path / ".partial").exists()


@pytest.mark.parametrize("again", [False, True])
def test_the_way_to_the_folder_is_on_the_disk_before_write_returns(
    tmp_path: Path, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the disk said to `make`, and whoever has made the folder again since."""
    folder, synced, broken = AtomicFolder(tmp_path / "new/out", sync=True), [], not again

    def sync_way(way: Path) -> None:
        if broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        synced.append(way)

    monkeypatch.setattr(module, "sync_way", sync_way)
    for call in (folder.make, lambda: folder.write([file("a")])):
        with pytest.raises(OSError, match="Input/output error") if broken else nullcontext():
            call()
    broken = False
    synced.clear()
    if again:
        shutil.rmtree(folder.path)
        folder.path.mkdir()
    folder.write([file("a")])
    assert synced == [folder.path]
    folder.write([file("b")])
    assert synced == [folder.path]


def test_below_a_folder_that_may_be_written_to_but_not_read_results_are_saved(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    drop.chmod(0o333)
    program = "import sys; from pathlib import Path; from media.saving.atomic import AtomicFolder as Folder, File\n"
    program += "folder = Folder(Path(sys.argv[1]), sync=True)\nfolder.make(); folder.write([File(('a',), b'a', print)])"
    command = [*WITHOUT_POWER, sys.executable, "-c", program, str(drop / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    drop.chmod(0o755)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert everything(drop) == ["out/a"]


def test_what_is_refused_in_one_try_and_placed_in_the_next_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be a result and a dead letter."""
    (tmp_path / "cam").touch()
    refused: list[str] = []
    folder, group = AtomicFolder(tmp_path, sync=True), [file("good"), file("cam/a", refused=refused)]

    def fails(descriptors: list[int]) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as now, pytest.raises(OSError, match="Input/output error"):
        now.setattr(module, "sync_files", fails)
        folder.write(group)
    assert refused == []
    (tmp_path / "cam").unlink()  # somebody saw to it
    folder.write(group)
    assert (refused, everything(tmp_path)) == ([], ["cam/a", "good"])


def test_a_folder_whose_name_did_not_come_to_the_disk_is_made_again(tmp_path: Path) -> None:
    """Else it would be there at the next try, and nobody would ask again whether its name is on the disk."""
    need("strace")
    program = "import sys; from pathlib import Path; from media.saving.atomic import AtomicFolder as Folder, File\n"
    program += "folder = Folder(Path(sys.argv[1]), sync=True)\nfile = File(('a',), b'a', print)\n"
    program += "try:\n    folder.make()\nexcept OSError as error:\n    print(error.strerror)\nfolder.write([file])"
    strace = ["strace", "-qq", "-y", "-o", str(tmp_path / "trace"), "--trace=fsync", "--inject=fsync:error=EIO:when=1"]
    command = [*strace, sys.executable, "-c", program, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "Input/output error"
    first, *others = (tmp_path / "trace").read_text().splitlines()
    parent = f"<{tmp_path}>) "
    assert parent in first
    assert any(parent in line and line.endswith("= 0") for line in others)
