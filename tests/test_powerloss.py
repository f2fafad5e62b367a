"""No power cut, whenever it comes, loses what was acknowledged: no result, no frame of a clip, no dead letter."""

import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import need
from tests.powerloss.__main__ import WAYS, cut, go_on
from tests.powerloss.disk import Disk
from tests.powerloss.judge import MARK, broken, placing
from tests.powerloss.replay import Files, Operation, Replay
from tests.powerloss.run import BAD, DEAD, RESULTS, SPOOL, TAKEN, Run, read, record
from tests.powerloss.trace import Call, calls, traced

FRAMES = 30
CUTS = 300  # of each run
STARTS = 2  # after some of the cuts, and after as many that came while frames were moved into place


@pytest.fixture(scope="module", params=WAYS, ids=lambda words: "".join(words) or "then: delete")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    need("strace")
    yield record(tmp_path_factory.mktemp("run") / "of the launcher", FRAMES, *request.param)


def before(*deeds: Call) -> bool:
    """Whether each was through before the next began."""
    return all(one.end < other.begin for one, other in pairwise(deeds))


def synced(run: Run, path: str, after: Call, by: Call) -> bool:
    """Whether the file or folder was synced behind `after`, and that was through before `by` began."""
    return any(before(after, sync, by) for sync in run.disk.syncs(path))


def on_disk(run: Run, file: Operation, by: Call) -> bool:
    """Whether all that was ever written to the file was synced before `by` began."""
    node = run.disk.nodes[file.about]
    return any(node.writes[-1][0] < sync.begin and before(sync, by) for sync in node.syncs)


def test_a_result_is_written_synced_named_and_its_name_synced_before_it_is_acknowledged_and_its_frame_goes(
    run: Run,
) -> None:
    assert len(run.results) == len(run.told) == FRAMES
    for name in run.results:
        [named], told, [gone] = run.disk.find(f"{RESULTS}/{name}"), run.told[name], run.goes(name)
        assert on_disk(run, named, named.call)
        assert synced(run, RESULTS, named.call, told)
        assert before(told, gone)


def test_the_folders_on_the_way_to_a_result_are_on_the_disk_before_it_is_acknowledged(run: Run) -> None:
    folders = RESULTS.split("/")
    for depth in range(len(folders)):
        path = "/".join(folders[: depth + 1])
        [made] = run.disk.find(path)
        assert synced(run, path.rpartition("/")[0], made.call, min(run.told.values()))


def test_a_frame_is_on_the_disk_before_it_appears_and_has_appeared_on_the_disk_before_a_mark_says_so(run: Run) -> None:
    marks = [mark.call for mark in run.disk.find(MARK)]
    for name in run.frames:
        appears = run.disk.find(f"{SPOOL}/{name}")[0]
        assert on_disk(run, appears, max(mark for mark in marks if before(mark, appears.call)))
        assert synced(run, SPOOL, appears.call, min(mark for mark in marks if before(appears.call, mark)))
    assert all(on_disk(run, mark, mark.call) for mark in run.disk.find(MARK))


def test_what_is_known_of_a_stream_is_on_the_disk_before_its_first_frame_appears(run: Run) -> None:
    [kept] = run.disk.find(f"{SPOOL}/.streams")
    first = min(run.disk.find(f"{SPOOL}/{name}")[0].call for name in run.frames)
    assert on_disk(run, kept, kept.call)
    assert synced(run, SPOOL, kept.call, first)


def test_the_spools_own_name_is_on_the_disk_before_a_mark_or_a_claim_counts_on_it(run: Run) -> None:
    [made], [bad] = run.disk.find(SPOOL), run.disk.taken_from(f"{SPOOL}/{BAD}")
    for counts_on_it in (run.disk.find(MARK)[0].call, bad.call):
        assert synced(run, "", made.call, counts_on_it)


def test_the_reason_of_a_dead_letter_is_on_the_disk_before_its_frame_is_moved_there(run: Run) -> None:
    [moved], [noted] = run.disk.find(f"{DEAD}/{BAD}"), run.disk.find(f"{DEAD}/{BAD}.txt")
    assert on_disk(run, noted, moved.call)
    assert synced(run, f"{DEAD}/{BAD}".rpartition("/")[0], noted.call, moved.call)


def test_no_cut_loses_what_was_acknowledged_or_leaves_anything_torn(run: Run) -> None:
    found = 0
    for number in range(CUTS):
        line, files = cut(run, f"test/{number}")
        assert broken(run, line, files) == [], number
        results = sum(path.startswith(RESULTS) for path in files)
        found += 0 < results < FRAMES and any(path.startswith(TAKEN) for path in files)
    assert found > CUTS / 10  # many of them in the midst of the work


def test_after_a_cut_the_launcher_makes_every_result_that_is_missing(run: Run, tmp_path: Path) -> None:
    left = [files for number in range(CUTS) for _, files in [cut(run, f"test/{number}")]]
    chosen = [*left[:STARTS], *[files for files in left if placing(run, files)][:STARTS]]
    assert len(chosen) == 2 * STARTS
    with ThreadPoolExecutor(2) as launchers:
        started = [launchers.submit(go_on, run, files, tmp_path / f"{number}") for number, files in enumerate(chosen)]
    for start in started:
        start.result()


# ---- that the disk forgets, and what it does not

STEPS = {
    "write": "file = open('new', 'wb', 0); file.write(b'content')",
    "sync": "os.fsync(file.fileno())",
    "name": "os.rename('new', 'old')",
    "sync names": "os.fsync(os.open('.', os.O_RDONLY))",
    "make": "os.mkdir('sub'); os.chdir('sub')",
}


def after(tmp_path: Path, *steps: str) -> set[tuple[tuple[str, bytes], ...]]:
    """All that may be on the disk if the power fails when these steps are done."""
    need("strace")
    place = tmp_path / "place"
    place.mkdir()
    (place / "old").write_bytes(b"before")
    files = read(place)
    program = "; ".join(["import os", *(STEPS[step] for step in steps)])
    assert traced([sys.executable, "-c", program], place, tmp_path / "trace").returncode == 0
    disk = Disk(Replay(place, files, calls(tmp_path / "trace")))
    assert disk.now() == read(place)
    found: list[Files] = [disk.cut(disk.lines[-1], random.Random(seed)) for seed in range(300)]
    return {tuple(sorted(files.items())) for files in found}


OLD, NEW = (("old", b"before"),), (("old", b"content"),)


def test_what_was_not_synced_is_whole_torn_or_absent(tmp_path: Path) -> None:
    found = after(tmp_path, "write", "name")
    assert {OLD, NEW, (("old", b""),), (("old", b"con"),), (("old", b"con\0\0\0\0"),)} < found


def test_what_was_synced_is_whole_but_its_name_may_not_be_there(tmp_path: Path) -> None:
    assert after(tmp_path, "write", "sync", "name") == {OLD, NEW, (("new", b"content"), *OLD)}


def test_what_was_synced_and_whose_name_was_synced_is_there(tmp_path: Path) -> None:
    assert after(tmp_path, "write", "sync", "name", "sync names") == {NEW}


def test_a_sync_brings_only_what_was_done_before_it(tmp_path: Path) -> None:
    assert after(tmp_path, "write", "sync", "sync names", "name") == {(("new", b"content"), *OLD), NEW}


def test_a_sync_of_a_folder_does_not_bring_the_folders_own_name(tmp_path: Path) -> None:
    assert after(tmp_path, "make", "write", "sync", "sync names") == {OLD, (*OLD, ("sub/new", b"content"))}
