"""The disk of results fails while a real graph runs: it says what and where, waits, goes on by itself, loses none."""

import os
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.calls import Calls
from tests.conftest import make_clip
from tests.launch import files, processes_in
from tests.mounting import bound, change, disk, passed_through, taken_away
from tests.ordeal import FRAMES, SIZE, WITHOUT_POWER, Ordeal, fill, injecting

TRACED = ("-ff", "-ttt", "-y", "-o", "trace")  # for tests.calls


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES, SIZE)


def refused(graph: Ordeal, why: str) -> list[str]:
    """The lines of both nodes."""
    return [rf"(?:converter\.\d|saver) +\| cannot save below {place}: {why}; waiting" for place in graph.places]


def test_results_on_a_disk_that_is_full_or_read_only_wait(tmp_path: Path, clip: Path) -> None:
    with disk(tmp_path / "results", options="size=64M") as results, Ordeal(tmp_path, clip) as graph:
        with graph.fault(to_save=True):
            ballast = fill(results)
        graph.says(*refused(graph, "No space left on device"))
        with graph.cured():
            ballast.unlink()

        with graph.fault(to_save=True):
            there = os.statvfs(results)
            change(results, f"nr_inodes={there.f_files - there.f_ffree}")
        graph.says(*refused(graph, "No space left on device"))
        with graph.cured():
            change(results, "nr_inodes=10000")

        with graph.fault(to_save=True):
            pass
        change(results, "ro")
        graph.says(*refused(graph, "Read-only file system"))
        with graph.cured():
            change(results, "rw")


def test_results_whose_disk_is_unmounted_are_not_written_below_it_but_wait(tmp_path: Path, clip: Path) -> None:
    store, results = tmp_path / "store", tmp_path / "results"
    with (
        disk(store, options="size=64M"),
        bound(store, results),
        Ordeal(tmp_path, clip) as graph,
        ExitStack() as away,
    ):
        with graph.fault(to_save=True):
            away.enter_context(taken_away(store, results))
        graph.says(*refused(graph, f"nothing is mounted at {results} any longer"))
        assert files(results) == []
        with graph.cured():
            away.close()


def test_results_in_a_folder_without_rights_wait(tmp_path: Path, clip: Path) -> None:
    with Ordeal(tmp_path, clip, under=WITHOUT_POWER) as graph:
        with graph.fault(to_save=True):
            for place in graph.places:
                place.chmod(0o555)
        graph.says(*refused(graph, "Permission denied"))
        with graph.cured():
            for place in graph.places:
                place.chmod(0o755)


def test_a_folder_of_results_that_is_removed_is_made_again_and_loses_only_what_was_in_it(
    tmp_path: Path, clip: Path
) -> None:
    results, before = tmp_path / "results", tmp_path / "before"
    with Ordeal(tmp_path, clip) as graph:
        with graph.fault(to_save=True):
            shutil.copytree(results, before)
            shutil.rmtree(results)
        graph.says(*(f"{place} was removed, with what was saved in it: makes it again" for place in graph.places))
        with graph.cured():
            pass
        assert graph.graph.ends() == 0
        for file in [file for file in before.rglob("*.jpg") if ".partial" not in file.parts]:
            again = results / file.relative_to(before)
            assert not again.exists() or again.read_bytes() == file.read_bytes()
            file.replace(again)


def test_a_group_of_results_is_written_anew_after_an_fsync_or_a_rename_that_failed(tmp_path: Path, clip: Path) -> None:
    """Of what was written before a failed fsync nothing is on the disk for sure, whatever the next fsync says."""
    faults = "fsync:error=EIO:when=3..5", "renameat:error=ENOSPC:when=12..13"
    with Ordeal(tmp_path, clip, under=[*injecting(*faults, trace="fsync,renameat,renameat2"), *TRACED]) as graph:
        graph.says(*refused(graph, "Input/output error"), *refused(graph, "No space left on device"))
    seen = Calls(tmp_path)
    # Two converters and a saver; the watcher, whose claims are renames; the splitter.
    assert seen.failed == 3 * (3 + 2) + (3 + 2) + 3
    seen.assert_written_anew()


def test_results_on_a_disk_that_hangs_wait_and_no_node_counts_as_hung(tmp_path: Path, clip: Path) -> None:
    words = "converter.stall=1", "saver.stall=1"
    with passed_through(tmp_path / "results") as behind, Ordeal(tmp_path, clip, *words) as graph:
        [server] = processes_in(behind)  # bindfs changes to the folder that it shows
        with graph.fault(to_save=True):
            os.kill(server, signal.SIGSTOP)
        try:
            graph.says(*(f"saves below {place}: the disk has not answered for 3 s; waits" for place in graph.places))
        finally:
            with graph.cured():
                os.kill(server, signal.SIGCONT)
        graph.says(*(rf"saves below {place}: goes on after \d s" for place in graph.places))
    assert "aborted" not in graph.graph.output
