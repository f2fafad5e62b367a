"""The disk of the run folder, or that of the launcher's log, is full."""

import os
import tempfile
import threading
from pathlib import Path

import pytest

from bus.mapping import mapped
from host.view.report import GRAPH, Report
from tests.conftest import make_clip, until
from tests.launch import Launch
from tests.mounting import disk
from tests.ordeal import FRAMES, SIZE, Ordeal, fill

FAILS = """\
nodes:
  source: {run: source, push: frames}
  saver: {run: nodes.saver, pull: frames, args: {folder: saved}}
"""
SOURCE = """\
import time
from pathlib import Path

from bus import run


def source():
    while not Path("go").exists():
        time.sleep(0.01)
        yield None
    raise SystemExit(65)


if __name__ == "__main__":
    run(source)
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES, SIZE)


def test_without_room_for_a_run_folder_the_launcher_says_what_helps(tmp_path: Path) -> None:
    with disk(tmp_path / "runs", options="size=64k") as runs:
        fill(runs)
        with Launch(tmp_path, env={"XDG_RUNTIME_DIR": str(runs)}) as graph:
            assert graph.ends() == 2
        cure = "make room, or set XDG_RUNTIME_DIR to a folder on another disk"
        place = runs / f"zg-{os.getuid()}"
        assert graph.output == f"{place}: the run folder cannot be made there (No space left on device): {cure}\n"


def test_memory_in_a_run_folder_without_room_is_waited_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Memory that is mapped over a hole would be a SIGBUS as soon as it is written to."""
    with disk(tmp_path / "run", options="size=256k") as run:
        ballast, maps = fill(run), []
        waiting = threading.Thread(target=lambda: maps.append(mapped(run / "a.hand", 65536)))
        waiting.start()
        words = f"cannot write {run}/a.hand: No space left on device; waits until it works\n"
        until(lambda: capfd.readouterr().out == words, what=words)
        ballast.unlink()
        waiting.join(5)
        fill(run)
        [memory] = maps
        memory[:] = b"x" * len(memory)
        memory.close()


def test_nodes_that_cannot_leave_their_end_marks_wait_and_the_graph_ends_well(tmp_path: Path, clip: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="zg-") as short,  # addresses of sockets end at 107 characters
        disk(Path(short), options="size=2M") as runs,
        Ordeal(tmp_path, clip, runs=runs) as graph,
    ):
        with graph.fault():
            ballast = fill(runs)
        mark = f"{runs}/.*/splitter\\.1\\.done"
        graph.says(rf"splitter +\| cannot write its end mark {mark}: No space left on device; waits")
        assert graph.graph.process.poll() is None
        ballast.unlink()
        assert graph.graph.ends(5) == 0


def test_a_node_that_fails_for_good_while_the_run_folder_is_full_is_told_downstream_later(tmp_path: Path) -> None:
    (tmp_path / "graph.yaml").write_text(FAILS)
    (tmp_path / "source.py").write_text(SOURCE)
    with (
        tempfile.TemporaryDirectory(prefix="zg-") as short,
        disk(Path(short), options="size=2M") as runs,
        Launch(tmp_path, env={"XDG_RUNTIME_DIR": short}) as graph,
    ):
        for node in ("saver", "source"):
            graph.says(rf"{node} +\| ready")
        ballast = fill(runs)
        (tmp_path / "go").touch()
        graph.says(rf"source +\| its end mark in {runs}/.* cannot be written: No space left on device; tries again")
        ballast.unlink()
        assert graph.ends(5) == 1
    assert "failed because of source" in graph.output


def test_lines_for_a_file_on_a_full_disk_come_when_there_is_room(tmp_path: Path) -> None:
    with disk(tmp_path / "logs", options="size=64k") as logs, open(logs / "log", "wb") as log:
        report = Report([], log.fileno())
        report.line(GRAPH, "before")
        ballast = fill(logs)
        many = [f"line {number} {'.' * 100}" for number in range(100)]
        for line in many:
            report.line(GRAPH, line)
        assert not report.waits  # so that nobody asks again and again whether it can be written
        ballast.unlink()
        report.flush(1.0)
        lines = (logs / "log").read_text().splitlines()
        assert [line.partition(" | ")[2] for line in lines] == ["before", *many]
