"""Dead letters of a node without files, beside graph.yaml, on a disk that is full for a while."""

import re
import time
from pathlib import Path

from PIL import Image

from tests.conftest import make_clip, until
from tests.launch import Launch, files
from tests.mounting import disk
from tests.observer import Observer
from tests.ordeal import RESUME, fill

GRAPH = """\
nodes:
  splitter: {run: nodes.splitter, push: frames, args: {source: clip.mp4}}
  picky: {run: picky, pull: frames, push: fine}
  saver: {run: nodes.saver, pull: fine, args: {folder: saved}}
"""
PICKY = """\
from bus import run


def picky(frames):
    for frame in frames:
        if frame.number % 10 == 3:
            frame.reject("ends with a three")
        else:
            yield frame


if __name__ == "__main__":
    run(picky)
"""


def test_dead_letters_wait_for_room_whole_or_absent_and_all_else_flows_on(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", 40, "160x120")
    (tmp_path / "graph.yaml").write_text(GRAPH)
    (tmp_path / "picky.py").write_text(PICKY)
    fine = [f"clip-{number:08d}.jpg" for number in range(40) if number % 10 != 3]
    with (
        disk(tmp_path / "dead-letters", options="size=512k") as dead,
        Observer([dead / "splitter"]) as observer,
        Launch(tmp_path) as graph,
    ):
        ballast = fill(dead)
        until(lambda: files(tmp_path / "saved") == fine, 30, "all that is fine")
        words = f"splitter +\\| cannot write a dead letter below {dead}/splitter: No space left on device; tries again"
        assert len(re.findall(words, graph.output)) == 1
        assert [file for file in dead.rglob("*") if file.is_file() and file != ballast] == []
        ballast.unlink()
        mended = time.monotonic()
        assert graph.ends() == 0
        assert time.monotonic() - mended < RESUME
        letters = [f"clip-{number:08d}.png" for number in range(3, 40, 10)]
        assert files(dead / "splitter") == sorted([*letters, *(f"{letter}.txt" for letter in letters)])
        for letter in letters:
            with Image.open(dead / "splitter" / letter) as image:
                image.load()
            assert (dead / "splitter" / f"{letter}.txt").read_text().endswith("ends with a three\n")
    assert "converted 36, dead letters 4, dropped 0, lost 0" in graph.output
    assert observer.faults == []
    assert not re.search("Traceback|restarts", graph.output)
