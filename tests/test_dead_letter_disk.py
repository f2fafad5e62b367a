"""Dead letters of a node without files, beside graph.yaml, on a disk that is full for a while, or fails."""

import errno
import fcntl
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus import Message, deadletters
from bus.deadletters import DeadLetters, set_aside
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


def test_what_a_disk_that_failed_did_not_let_go_is_no_second_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    letters = DeadLetters(tmp_path / "camera", said.append)
    with monkeypatch.context() as now:

        def fails(*given: Any, **also: Any) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        now.setattr(deadletters, "sync_folder", fails)
        now.setattr(Path, "unlink", fails)
        letters.put(*Message(b"payload", name="x.jpg").dump(), "why", lambda: said.append("through"))
        letters.tick(time.monotonic() + 2, True)
    assert len(said) == 1
    letters.tick(time.monotonic() + 2, True)
    assert said[1:] == [f"dead letter {tmp_path}/camera/x.jpg: why", "through"]
    assert files(tmp_path) == ["camera/x.jpg", "camera/x.jpg.txt"]
    assert len(list((tmp_path / "camera").iterdir())) == 2


def test_what_has_the_name_of_what_was_left_by_now_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[deadletters.Left] = []
    message = Message(b"payload", name="x.jpg").dump()
    with monkeypatch.context() as now, pytest.raises(OSError, match="Input/output error"):

        def fails(*given: Any, **also: Any) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        now.setattr(deadletters, "sync_folder", fails)
        now.setattr(Path, "unlink", fails)
        set_aside(tmp_path, *message, "why", left)
    assert {one.path.name for one in left} == {"x.jpg", "x.jpg.txt"}
    (tmp_path / "x.jpg").unlink()
    (tmp_path / "x.jpg").write_bytes(b"of somebody else")
    assert set_aside(tmp_path, *message, "why", left) == tmp_path / "x.2.jpg"
    assert (left, (tmp_path / "x.jpg").read_bytes()) == ([], b"of somebody else")


def ticked(letters: DeadLetters) -> bool:
    letters.tick(time.monotonic(), True)
    return True


def test_a_replica_that_is_stopped_while_it_writes_a_dead_letter_holds_no_other_up(tmp_path: Path) -> None:
    said: list[str] = []
    letters = DeadLetters(tmp_path, said.append)
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        began = time.monotonic()
        letters.put(*Message(b"payload", name="x.jpg").dump(), "why", lambda: said.append("through"))
        until(lambda: ticked(letters) and said, what="a word about it")
        assert time.monotonic() - began < 5
        assert said == [
            f"cannot write a dead letter below {tmp_path}: another replica is at it; tries again until it works"
        ]
        assert not letters.idle
    finally:
        os.close(other)
    until(lambda: ticked(letters) and letters.idle, what="the dead letter")
    assert said[1:] == [f"dead letter {tmp_path}/x.jpg: why", "through"]
