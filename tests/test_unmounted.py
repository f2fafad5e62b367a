"""A disk that is unmounted is missed in every life of a run: nothing is written, or watched, below its mount point."""

from pathlib import Path

import pytest
from PIL import Image

from bus.first import first
from tests.conftest import until
from tests.launch import Launch, files
from tests.mounting import bound, disk, taken_away

GRAPH = """\
nodes:
  watcher: {run: nodes.watcher, push: frames, args: {folder: spool/frames}}
  converter: {run: nodes.converter, pull: frames, args: {filter: emboss, folder: results/converted}}
"""


def drop(folder: Path, name: str) -> None:
    draft = folder.parent / "draft"
    Image.new("RGB", (32, 32), "red").save(draft, "JPEG")
    draft.rename(folder / name)


def test_results_wait_for_an_unmounted_disk_though_their_node_is_killed(tmp_path: Path) -> None:
    store, results, spool = tmp_path / "store", tmp_path / "results", tmp_path / "spool/frames"
    (tmp_path / "graph.yaml").write_text(GRAPH)
    with disk(store), bound(store, results), Launch(tmp_path) as graph:
        graph.says("watches")
        drop(spool, "a.jpg")
        until(lambda: files(results) == ["converted/a.jpg"], 30, "the first result")
        with taken_away(store, results):
            graph.kill("converter.1")
            words = rf"cannot save below {results}/converted yet: nothing is mounted at {results} any longer"
            graph.says(f"{words}; tries again with the first result")
            drop(spool, "b.jpg")
            graph.says(rf"cannot save below {results}/converted: nothing is mounted at {results} any longer; waiting")
            assert list(results.iterdir()) == []
            assert (spool / ".taken/b.jpg").exists()
        until(lambda: files(results) == ["converted/a.jpg", "converted/b.jpg"], 30, "the second result")
        graph.interrupt()
        assert graph.ends() == 0


def test_a_watcher_that_is_killed_waits_for_the_unmounted_disk_of_its_folder(tmp_path: Path) -> None:
    store, place = tmp_path / "store", tmp_path / "spool"
    (tmp_path / "graph.yaml").write_text(GRAPH)
    with disk(store), bound(store, place), Launch(tmp_path) as graph:
        graph.says("watches")
        with taken_away(store, place):
            graph.kill("watcher.1")
            graph.says(rf"cannot watch {place}/frames: .*nothing is mounted at {place} any longer; tries again")
            assert list(place.iterdir()) == []
        drop(place / "frames", "a.jpg")
        until(lambda: files(tmp_path / "results") == ["converted/a.jpg"], 30, "the result")
        graph.interrupt()
        assert graph.ends() == 0


def test_what_was_said_first_holds_for_the_whole_run(tmp_path: Path) -> None:
    about = "the mount of /caf\udce9"
    assert [first(tmp_path, about, words) for words in ("/caf\udce9", "/", "/mnt")] == ["/caf\udce9"] * 3
    assert first(tmp_path, "another", "/mnt") == "/mnt"
    assert len(list(tmp_path.iterdir())) == 2
    assert all(file.suffix == ".first" for file in tmp_path.iterdir())


@pytest.mark.parametrize("run", [None, Path("/proc/nowhere")])
def test_without_a_run_folder_or_room_in_it_what_is_said_now_holds(run: Path | None) -> None:
    assert [first(run, "it", words) for words in ("/a", "/b")] == ["/a", "/b"]
