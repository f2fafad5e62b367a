"""Previews: the newest input and output of a node, as files, while somebody looks and only then."""

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bus.message import Message
from bus.preview import PERIOD, WATCHED, Preview
from tests.conftest import until
from tests.wiring import Graph

CAMERA = """
import time
from PIL import Image
from bus import Message

def source(*, count=10**9):
    for number in range(count):
        image = Image.new("RGB", (64, 48), (number % 256, 0, 0))
        yield Message(image, stream="s", number=number, name=f"s-{number}.png")
        time.sleep(0.02)
"""

INVERT = """
from PIL import ImageOps
from bus import encode

def invert(frames):
    for frame in frames:
        yield frame.replace(encode(ImageOps.invert(frame.image), "png"))
"""

SAVER = """
from bus import show

def saver(frames):
    for frame in frames:
        show(frame.replace(b"saved " + frame.bytes))
"""


HELD = """
import threading
from pathlib import Path
from bus import program, show

def saver(frames):
    for frame in frames:
        showing = threading.Thread(target=show, args=[frame.replace(b"x")])
        with program._node.hub.lock:  # as the side thread holds it while it takes what was kept
            showing.start()
            showing.join(0.5)
            Path("waited").write_text(str(showing.is_alive()))
        showing.join()
"""

SHOWN = ("source.1.after", "invert.1.before", "invert.1.after", "saver.1.before", "saver.1.after")


def look(run: Path) -> bool:
    """As whoever looks does, every second."""
    (run / "watched").touch(mode=0o600)
    os.utime(run / "watched")
    return True


def shown(file: Path) -> tuple[dict[str, Any], bytes]:
    head, _, body = file.read_bytes().partition(b"\n")
    return json.loads(head), body


def test_what_a_node_shows_waits_for_the_thread_that_takes_what_was_kept(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", CAMERA, "--count=1", push="frames")
        graph.node("saver", HELD, pull="frames")
        graph.start()
        graph.finish()
    assert (tmp_path / "waited").read_text() == "True"


def test_what_nodes_get_and_make_lies_there_while_somebody_looks_and_not_before_or_after(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        graph.node("source", CAMERA, push="frames")
        graph.node("invert", INVERT, pull="frames", push="inverted")
        graph.node("saver", SAVER, pull="inverted")
        graph.start()
        places = [graph.run / name for name in SHOWN]
        until(lambda: graph.counts("saver.1", "received") > 50, 30)
        assert not any(place.exists() for place in places)

        until(lambda: look(graph.run) and all(place.exists() for place in places))
        assert not (graph.run / "source.1.before").exists(), "a source has no input"
        for place in places:
            assert place.stat().st_mode & 0o777 == 0o600
        head, body = shown(places[0])
        assert (head["stream"], head["raw"], head["name"]) == ("s", ["RGB", 64, 48], f"s-{head['number']}.png")
        assert 0 <= head["at"] - head["captured"] < 10**9
        assert body == bytes((head["number"] % 256, 0, 0)) * 64 * 48
        head, body = shown(places[1])
        assert body == bytes((head["number"] % 256, 0, 0)) * 64 * 48
        head, body = shown(places[2])
        assert "raw" not in head
        assert Image.open(io.BytesIO(body)).getpixel((0, 0)) == (255 - head["number"] % 256, 255, 255)
        assert shown(places[3])[1][:4] == b"\x89PNG"
        assert shown(places[4])[1][:10] == b"saved \x89PNG"

        first = time.time_ns()
        until(lambda: look(graph.run) and all(place.stat().st_mtime_ns > first for place in places))

        stopped = time.time() + WATCHED + PERIOD + 1
        os.utime(graph.run / "watched", (0, 0))
        until(lambda: time.time() > stopped)
        assert all(time.time() - place.stat().st_mtime > PERIOD for place in places)
        assert not list(graph.run.glob("*.new"))


@pytest.fixture
def preview(tmp_path: Path) -> Preview:
    made = Preview(tmp_path, "node.1")
    look(tmp_path)
    made.beat()
    assert made.wanted
    return made


def written(preview: Preview, tmp_path: Path) -> Path:
    preview._written = 0.0
    preview.beat()
    if preview._thread:
        preview._thread.join()
    return tmp_path / "node.1.before"


def test_the_last_of_many_is_shown_and_a_file_even_if_it_has_gone(preview: Preview, tmp_path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    for number in range(100):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(b"%d" % number)
        preview.before(Message(file=file, stream="s", number=number, name=file.name), captured=5)
        file.unlink()
    head, body = shown(written(preview, tmp_path))
    assert (head["number"], head["captured"], body) == (99, 5, b"99")
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_news_what_is_too_large_and_what_cannot_travel_are_not_shown(
    preview: Preview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.preview.MOST", 100)
    (tmp_path / "large.jpg").write_bytes(b"x" * 101)
    for message in (
        Message(stream="s", data={"news": 1}),
        Message(b"x" * 101, number=1),
        Message(file=tmp_path / "large.jpg", number=2),
        Message(file=tmp_path / "absent.jpg", number=3),
        Message(Image.new("F", (2, 2)), number=4),
    ):
        preview.before(message, captured=0)
        assert not written(preview, tmp_path).exists()
    preview.before(Message(b"x" * 100, number=5), captured=0)
    assert shown(written(preview, tmp_path))[1] == b"x" * 100


def test_a_run_folder_that_is_gone_stops_nobody(preview: Preview, tmp_path: Path) -> None:
    preview.before(Message(b"x", number=5), captured=0)
    (tmp_path / "node.1.before").mkdir()
    (tmp_path / "node.1.before" / "in-the-way").touch()
    written(preview, tmp_path)
    assert not list(tmp_path.glob("*.new"))


def test_what_was_kept_is_let_go_when_nobody_looks(preview: Preview, tmp_path: Path) -> None:
    preview.before(Message(b"x", number=5), captured=0)
    os.utime(tmp_path / "watched", (0, 0))
    assert not written(preview, tmp_path).exists()
    assert not preview._newest
    preview.before(Message(b"x", number=6), captured=0)
    assert not preview._newest
