"""The budget of the folder in a whole graph: a clip is paused, and a live source's frames are dropped and counted."""

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import make_clip, until
from tests.launch import ROOT, Launch, files, listed, waiting

GATE = '''\
"""Let frames through once the file `go` is there, and then not as fast as they come."""

import time
from pathlib import Path

from bus import run


def gate(frames):
    for frame in frames:
        while not Path("go").exists():
            time.sleep(0.01)
        time.sleep(0.02)
        yield frame


if __name__ == "__main__":
    run(gate)
'''
CLIP = """\
nodes:
  splitter: {run: nodes.splitter, push: streams, args: {source: clip.mp4, folder: spool, budget: 20}}
  watcher: {run: nodes.watcher, pull: streams, push: frames, args: {folder: spool}}
  gate: {run: gate, pull: frames, push: passed}
  saver: {run: nodes.saver, pull: passed, args: {folder: saved, sync: false}}
"""
CAMERA = """\
nodes:
  splitter:
    run: nodes.splitter
    args: {source: "test:forever", size: 64x36, folder: ../spool, budget: 20}
"""
WATCH = """\
nodes:
  watcher: {run: nodes.watcher, push: frames, args: {folder: ../spool}}
  saver: {run: nodes.saver, pull: frames, args: {folder: ../saved, sync: false}}
"""


def numbers(*folders: Path) -> list[int]:
    return sorted({int(name[-12:-4]) for folder in folders for name in listed(folder)})


def test_a_clip_is_paused_while_as_many_files_wait_as_the_budget_allows(tmp_path: Path) -> None:
    (tmp_path / "gate.py").write_text(GATE)
    (tmp_path / "graph.yaml").write_text(CLIP)
    make_clip(tmp_path / "clip.mp4", 120, "96x64")
    spool, seen = tmp_path / "spool", []
    with Launch(tmp_path) as graph:
        graph.says(r"pauses, as 20 files of a budget of 20 files wait in .*/spool")
        until(lambda: waiting(spool) == 20, 10, "20 files wait")
        (tmp_path / "go").touch()
        while graph.process.poll() is None:
            seen.append(waiting(spool))
            time.sleep(0.005)
        assert graph.ends() == 0
    assert max(seen) <= 20
    assert len(set(seen)) > 3  # it was looked at while the folder drained
    assert files(tmp_path / "saved") == [f"clip-{number:08d}.jpg" for number in range(120)]
    assert "converted 120, dead letters 0, dropped 0, lost 0, waiting 0" in graph.output


def test_a_live_source_is_read_on_while_the_budget_is_full_and_flows_again(tmp_path: Path) -> None:
    camera, watch, spool, saved = (tmp_path / name for name in ("camera", "watch", "spool", "saved"))
    for folder, graph in ((camera, CAMERA), (watch, WATCH)):
        folder.mkdir()
        (folder / "graph.yaml").write_text(graph)
    began = time.monotonic()
    with Launch(camera) as source:
        source.says("dropped 1 frame of the test camera: the folder's budget of 20 files is full")
        assert numbers(spool) == list(range(20))
        with Launch(watch) as sink:
            until(lambda: len(numbers(saved)) > 40, 30, "frames flow again")
            source.interrupt()
            assert source.ends() == 0
            until(lambda: not listed(spool) and not listed(spool / ".taken"), 30, "all frames are saved")
            sink.interrupt()
            assert sink.ends() == 0
    kept = numbers(saved)
    assert kept[:20] == list(range(20))
    missing = kept[-1] + 1 - len(kept)
    [dropped] = re.findall(r"dropped (\d+), lost 0", source.output)
    assert 0 < missing <= int(dropped)
    said = re.findall(r"dropped (\d+) frames? of the test camera", source.output)
    assert 2 <= len(said) <= 2 + (time.monotonic() - began) / 30  # the first at once, the last when it stops
    assert sum(map(int, said)) == int(dropped)


def test_kill_9_at_any_step_gives_every_frame_exactly_once_within_a_budget(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.nodes.splitter_killed", "test", str(tmp_path / "spool"), "4", "3"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"killed at each of \d+ steps", done.stdout)
    assert "pauses, as 3 files of a budget of 3 files wait" in done.stdout
