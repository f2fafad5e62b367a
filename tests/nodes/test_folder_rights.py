"""nodes/watcher.py as a real process in folders in which it may not do all that it wants."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media.watched.spool import UNHEARD
from tests.conftest import until
from tests.mounting import change, disk, passed_through

ROOT = Path(__file__).parents[2]
SOMEBODY = 65534  # a user without any rights
BUSY = 0.25  # of a core, for a watcher that has nothing to do but to look up

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others, and mounts")

# The interpreter itself may lie where this user cannot go, so it is started first.
AS_SOMEBODY = f"""
import os
from bus import run
from nodes.watcher import watcher
os.setgroups([])
os.setgid({SOMEBODY})
os.setuid({SOMEBODY})
run(watcher)
"""
AS_WE_ARE = "from bus import run; from nodes.watcher import watcher; run(watcher)"


class Watcher:
    """A watcher without wires: what it claims is through at once, and goes."""

    def __init__(self, folder: Path, log: Path, code: str = AS_SOMEBODY) -> None:
        self._log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, f"--folder={folder}"], cwd=ROOT, stdout=out, stderr=out
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def says(self, words: str) -> None:
        until(lambda: words in self.output, what=f"{words!r} in {self.output!r}")

    def share(self) -> float:
        """Of a core, which it uses for one second from now."""
        began, used = time.monotonic(), self._seconds()
        until(lambda: time.monotonic() - began > 1.0)
        return (self._seconds() - used) / (time.monotonic() - began)

    def _seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        (Path(base) / "spool").mkdir()
        yield Path(base) / "spool"


@pytest.fixture
def watch(folder: Path) -> Iterator[Callable[..., Watcher]]:
    """Starts a watcher of the folder that ends with the test."""
    watchers: list[Watcher] = []

    def start(code: str = AS_SOMEBODY) -> Watcher:
        watchers.append(Watcher(folder, folder.parent / "log", code))
        return watchers[0]

    yield start
    for watcher in watchers:
        watcher.process.kill()
        watcher.process.wait()


def put(file: Path, owner: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w") as writer:
        os.fchown(writer.fileno(), owner, -1)  # before it is closed, for then it may be claimed
        writer.write("whole")
    return file


def assert_stays(watcher: Watcher, files: list[Path], line: str) -> None:
    """These files stay, just that line is said of them, once, and the watcher rests."""
    watcher.says(line)
    assert watcher.share() < BUSY
    assert all(file.exists() for file in files)
    assert watcher.output.count("cannot be claimed") == 1
    assert watcher.process.poll() is None


def test_files_of_others_in_a_folder_with_the_sticky_bit_stay(folder: Path, watch: Callable[..., Watcher]) -> None:
    folder.chmod(0o1777)
    files = [put(folder / f"{number}.jpg") for number in range(100)]
    watcher = watch()
    assert_stays(
        watcher, files,
        f"files in {folder} cannot be claimed, so they stay, first 0.jpg: Operation not permitted: "
        f"only their owner may rename them: run it as that user, or chmod -t {folder}\n",
    )  # fmt: skip
    own = put(folder / "new.jpg", SOMEBODY)
    until(lambda: not own.exists(), what="the watcher's own file")


def test_files_in_a_subfolder_that_is_not_writable_stay_until_it_is(
    folder: Path, watch: Callable[..., Watcher]
) -> None:
    folder.chmod(0o777)
    files = [put(folder / f"sub/{number}.jpg", SOMEBODY) for number in range(100)]
    watcher = watch()
    assert_stays(
        watcher, files,
        f"files in {folder}/sub cannot be claimed yet, tries again, first sub/0.jpg: Permission denied: "
        f"give user {SOMEBODY} the right to write in {folder}/sub\n",
    )  # fmt: skip
    other = put(folder / "other.jpg")
    until(lambda: not other.exists(), what="a file in a folder that is writable")
    (folder / "sub").chmod(0o777)
    until(lambda: not any(file.exists() for file in files), 5, "the files, now that they may be claimed")


def test_a_folder_that_is_not_writable_is_said_with_the_cure(folder: Path, watch: Callable[..., Watcher]) -> None:
    file = put(folder / "a.jpg", SOMEBODY)
    watcher = watch()
    assert watcher.process.wait(20) == 1
    assert watcher.output == (
        f"cannot watch {folder}: {folder}/.taken: Permission denied: "
        f"give user {SOMEBODY} the right to write in {folder}\n"
    )
    assert file.exists()


def test_files_on_a_mount_that_is_read_only_stay_until_it_can_be_written(
    folder: Path, watch: Callable[..., Watcher]
) -> None:
    with disk(folder):
        (folder / ".taken").mkdir()
        files = [put(folder / f"{number}.jpg") for number in range(100)]
        change(folder, "ro")
        line = "0.jpg: Read-only file system: mount it writable\n"
        watcher = watch(AS_WE_ARE)
        assert_stays(watcher, files, line)
        change(folder, "rw")
        until(lambda: not any(file.exists() for file in files), 5, "the files")
        watcher.says(f"claims files in {folder} again")


def test_files_in_a_mount_of_its_own_stay(folder: Path, watch: Callable[..., Watcher]) -> None:
    with disk(folder / "usb"):
        files = [put(folder / f"usb/{number}.jpg") for number in range(100)]
        watcher = watch(AS_WE_ARE)
        line = "usb/0.jpg: Invalid cross-device link: it is a mount of its own: give it a watcher of its own\n"
        assert_stays(watcher, files, line)
        other = put(folder / "other.jpg")
        until(lambda: not other.exists(), what="a file that is not in that mount")


def test_a_mount_that_forbids_renames_is_said(folder: Path, watch: Callable[..., Watcher]) -> None:
    with passed_through(folder, "--rename-deny"):
        files = [put(folder / "a.jpg")]
        words = "a.jpg: Operation not permitted: something forbids to rename them, such as chattr +i or an option of"
        assert_stays(watch(AS_WE_ARE), files, words)


def test_a_file_of_another_user_is_claimed_when_its_writer_closes_it(
    folder: Path, watch: Callable[..., Watcher]
) -> None:
    """No lease is given for it, so its writer's close is what counts."""
    folder.chmod(0o777)
    watcher = watch()
    watcher.says("watches")
    with open(folder / "a.jpg", "w") as writer:
        writer.write("half")
        writer.flush()
        before = put(folder / "b.jpg")  # comes after it, and goes before
        until(lambda: not before.exists(), what="the other file")
        assert (folder / "a.jpg").exists()
    until(lambda: not (folder / "a.jpg").exists(), what="the file")


def test_a_hard_link_to_a_file_of_another_user_is_claimed_though_nobody_tells_of_its_end(
    folder: Path, watch: Callable[..., Watcher]
) -> None:
    folder.chmod(0o777)
    watcher = watch()
    watcher.says("watches")
    file = put(folder.parent / "a.jpg")
    os.link(file, folder / "a.jpg")
    file.unlink()
    until(lambda: not (folder / "a.jpg").exists(), 2 * UNHEARD, what="the link")


def test_an_archive_that_is_not_writable_is_said_with_the_cure(folder: Path, watch: Callable[..., Watcher]) -> None:
    folder.chmod(0o777)
    (folder / "dead-letters").mkdir()
    watcher = watch()
    assert watcher.process.wait(20) == 1
    assert watcher.output == (
        f"cannot watch {folder}: {folder}/dead-letters: Permission denied: "
        f"give user {SOMEBODY} the right to write in {folder}/dead-letters\n"
    )
