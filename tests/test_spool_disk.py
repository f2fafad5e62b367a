"""The disk of the spool fails while a real graph runs: it says what and where, waits, goes on by itself, loses none."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import make_clip
from tests.mounting import bound, change, disk, taken_away
from tests.ordeal import FRAMES, SIZE, WITHOUT_POWER, Ordeal, injecting

ROOMY = "size=100M,nr_inodes=2000"  # a little more than what the splitter leaves free


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES, SIZE)


def splitter_waits(graph: Ordeal, why: str) -> str:
    return rf"splitter +\| waits while the disk of {graph.spool} cannot be written to \({why}\)"


def test_frames_on_a_disk_that_is_full_or_read_only_wait(tmp_path: Path, clip: Path) -> None:
    """Read-only as the splitter sees it, by its path; of the watcher, which has the folder open: test_folder_rights."""
    spool = tmp_path / "spool"
    with disk(spool, options=ROOMY), Ordeal(tmp_path, clip) as graph, ExitStack() as over:
        for full, what in (("size=60M", "64 MB"), ("nr_inodes=900", "1000 files")):
            with graph.fault():
                change(spool, full)
            graph.says(rf"splitter +\| waits while there is room for less than {what} on the disk of {spool}")
            with graph.cured():
                change(spool, ROOMY)

        with graph.fault():
            over.enter_context(bound(spool, spool))
            change(spool, "bind,ro")
        graph.says(splitter_waits(graph, "Read-only file system"))
        with graph.cured():
            over.close()


def test_a_spool_on_a_disk_that_is_full_from_the_start_is_waited_for(tmp_path: Path, clip: Path) -> None:
    with disk(tmp_path / "spool", options="size=100M,nr_inodes=1") as spool, Ordeal(tmp_path, clip) as graph:
        why = "No space left on device"
        graph.says(
            rf"watcher +\| cannot watch {spool}: {spool}/\.taken: {why}: make room on its disk, .*; tries again",
            rf"splitter +\| waits while the disk of {spool} is full \({why}\)",
        )
        with graph.cured():
            change(spool, ROOMY)


def test_frames_in_a_folder_without_rights_wait(tmp_path: Path, clip: Path) -> None:
    with Ordeal(tmp_path, clip, "splitter.budget=2GB", under=WITHOUT_POWER) as graph:  # nothing else holds it up
        with graph.fault():
            for folder in (graph.spool, graph.spool / ".taken"):
                folder.chmod(0o555)
        stuck = r"cannot see clip-\d{8}\.jpg off yet, so it stays in \.taken/, tries again: Permission denied"
        graph.says(splitter_waits(graph, "Permission denied"), rf"watcher +\| {stuck}")
        with graph.cured():
            for folder in (graph.spool, graph.spool / ".taken"):
                folder.chmod(0o755)
        graph.says(rf"watcher +\| sees files in {graph.spool}/\.taken off again")


def test_frames_whose_disk_is_unmounted_are_not_written_below_it_but_wait(tmp_path: Path, clip: Path) -> None:
    store, spool = tmp_path / "store", tmp_path / "spool"
    with disk(store, options=ROOMY), bound(store, spool), Ordeal(tmp_path, clip) as graph, ExitStack() as away:
        with graph.fault():
            away.enter_context(taken_away(store, spool))
            graph.sends_twice = True
        graph.says(splitter_waits(graph, f"nothing is mounted at {spool} any longer"))
        graph.says(rf"watcher +\| {spool} was removed, moved away or replaced: goes on as soon as it is there")
        assert list(spool.iterdir()) == []
        with graph.cured():
            away.close()


def test_a_spool_that_is_removed_is_made_again_and_loses_only_what_was_in_it(tmp_path: Path, clip: Path) -> None:
    with Ordeal(tmp_path, clip) as graph:
        with graph.fault():
            graph.removed = {file.name for place in (".", ".taken") for file in (graph.spool / place).glob("*.jpg")}
            shutil.rmtree(graph.spool)
        with graph.cured():
            pass
        graph.says(rf"splitter +\| {graph.spool} was removed, or the workspace in it: makes it again and goes on")


def test_a_frame_that_cannot_be_read_for_a_moment_is_tried_again_and_is_no_dead_letter(
    tmp_path: Path, clip: Path
) -> None:
    taken = [tmp_path / f"spool/.taken/clip-{number:08d}.jpg" for number in (20, 21)]
    faults = "openat:error=EIO:when=1..2", "pread64:error=EIO:when=2..3"
    with Ordeal(tmp_path, clip, under=injecting(*faults, trace="openat,pread64", paths=taken)) as graph:
        graph.says(rf"cannot read {tmp_path}/spool/.taken/clip-0000002[01]\.jpg: Input/output error; tries again")
        graph.says("reads files again")
