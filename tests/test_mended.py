"""Dead letters of a real graph: listed with their reasons, put back, and done once their cause is mended."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.conftest import make_clip, until
from tests.launch import ROOT, Launch, files
from tests.letters import launcher

FILTER = """\
import os
import signal

from bus import run


def choosy(frames):
    for frame in frames:
        if frame.number in {dark}:
            frame.reject("too dark")
            continue
        if frame.number in {deadly}:
            os.kill(os.getpid(), signal.SIGKILL)
        yield frame


if __name__ == "__main__":
    run(choosy)
"""
SLOW = '''\
"""A splitter that comes when all that waited has been seen off."""

import time
from pathlib import Path

from bus import run
from nodes.splitter import splitter

if __name__ == "__main__":
    while [*Path("spool").glob("clip-*.jpg"), *Path("spool/.taken").glob("clip-*.jpg")]:
        time.sleep(0.02)
    run(splitter)
'''
GRAPH = """\
nodes:
  splitter: {run: slow, push: streams, args: {source: clip.mp4, folder: spool}}
  watcher: {run: nodes.watcher, pull: streams, push: frames, args: {folder: spool}}
  choosy: {run: choosy, pull: frames, push: chosen}
  saver: {run: nodes.saver, pull: chosen, args: {folder: out}}
"""
DARK, DEADLY = (3, 9, 15), (11,)


def test_what_a_filter_refused_or_died_of_is_done_when_the_filter_is_mended(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", 20, "64x48")
    split(tmp_path / "clip.mp4", tmp_path / "whole")
    for name, text in ("slow.py", SLOW), ("graph.yaml", GRAPH), ("choosy.py", FILTER.format(dark=DARK, deadly=DEADLY)):
        (tmp_path / name).write_text(text)
    wrong = [f"clip-{number:08d}.jpg" for number in sorted((*DARK, *DEADLY))]

    runs(tmp_path)
    assert results(tmp_path / "out") == {
        name: content for name, content in results(tmp_path / "whole").items() if name not in wrong
    }
    records = [json.loads(line) for line in launcher(tmp_path, "dead-letters", "--json").stdout.splitlines()]
    reasons = {record["name"]: record["reason"] for record in records}
    assert sorted(reasons) == wrong
    assert {name for name, reason in reasons.items() if "choosy on" in reason and "too dark" in reason} == {
        f"clip-{number:08d}.jpg" for number in DARK
    }
    assert "(3 times)" in reasons["clip-00000011.jpg"]

    (tmp_path / "choosy.py").write_text(FILTER.format(dark=(), deadly=()))
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert launcher(tmp_path, "retry", wrong[2]).returncode == 0
    assert "clip.mp4 is split already, writes nothing" in runs(tmp_path)
    assert len(results(tmp_path / "out")) == 17
    assert launcher(tmp_path, "retry").returncode == 0
    assert "clip.mp4 is split already, writes nothing" in runs(tmp_path)
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert launcher(tmp_path, "dead-letters").stdout == "there are no dead letters\n"
    assert files(tmp_path / "spool") == []


def split(clip: Path, folder: Path) -> None:
    """The frames of the clip, as its splitter writes them."""
    command = [sys.executable, "-m", "nodes.splitter", f"--source={clip}", f"--folder={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def runs(folder: Path) -> str:
    with Launch(folder) as graph:
        assert graph.ends() == 0
    return graph.output


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def test_a_running_watcher_takes_what_is_put_back_at_once(tmp_path: Path) -> None:
    (tmp_path / "graph.yaml").write_text(
        "nodes:\n"
        "  watcher: {run: nodes.watcher, push: frames, args: {folder: spool}}\n"
        "  saver: {run: nodes.saver, pull: frames, args: {folder: out, format: png}}\n"
    )
    letter = tmp_path / "spool/dead-letters/cam/a.jpg"
    letter.parent.mkdir(parents=True)
    Image.radial_gradient("L").save(letter)
    (letter.parent / "a.jpg.txt").write_text("saver on robot: cut short\n")
    with Launch(tmp_path) as graph:
        graph.says("watches .*: 0 waiting")
        done = launcher(tmp_path, "retry")
        assert done.stdout.endswith("spool: its watcher takes them now\n")
        until((tmp_path / "out/cam/a.jpg.png").exists, what="the result")
        until(lambda: not (tmp_path / "spool/.taken/cam/a.jpg").exists(), what="its end")
        assert files(tmp_path / "spool") == []
        graph.interrupt()
        assert graph.ends() == 0
