"""Live sources by way of gst-launch-1.0: real servers that freeze, go and change; and the newest frames win."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media.decoding import gstreamer
from media.decoding.pipelines import MOST_FILES
from media.sources.job import BadData
from media.sources.newest import DEPTH
from media.sources.source import WrongArgument
from media.sources.video import OLD, SLOW, Dropped, Frame, Opened, Step, Steps
from tests.conftest import need, until
from tests.jobs import job
from tests.servers import Server, free_port
from tests.test_gstreamer import ROOT, children

CAMERA = "gst: videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=25/1"
SPLITTER = """
import sys; from pathlib import Path; from media.decoding import gstreamer; from tests.jobs import job
for step in gstreamer.frames(job(sys.argv[1]), 0, Path(sys.argv[2])): print(step, flush=True) if step else None
"""
LIVE = ["ts", "rtsp", "udp", "srt"]


@contextmanager
def reading(source: str, folder: Path, first: int = 0, **wish: Any) -> Iterator[Steps]:
    """What comes out; afterwards, nothing is left of it."""
    need("gst-launch-1.0")
    with closing(gstreamer.frames(job(source, engine="gstreamer", **wish), first, folder)) as steps:
        yield steps
    assert not list(folder.glob("gst-*"))
    assert not children(folder)


def frame(steps: Steps) -> Frame:
    """The next one that is kept."""
    return next(step for step in soon(steps) if isinstance(step, Frame))


def opened(steps: Steps) -> Opened:
    return next(step for step in soon(steps) if isinstance(step, Opened))


def soon(steps: Steps) -> Iterator[Step]:
    """What comes within ten seconds; fails after that, or if it ends before."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        yield next(steps)
    raise AssertionError("not within 10 s")


@pytest.mark.parametrize("kind", LIVE)
def test_a_stream_is_read_and_noticed_when_it_freezes(tmp_path: Path, kind: str) -> None:
    with Server(kind) as server, reading(server.address, tmp_path, patience=2.0) as steps:
        assert opened(steps)[0] == (320, 240)
        seen = [frame(steps) for _ in range(10)]
        assert [found.number for found in seen] == list(range(10))
        assert abs(time.time() - seen[-1].captured / 1e9) < 1  # the file's own time
        server.freeze()
        frozen = time.monotonic()
        with pytest.raises(BadData, match=f"{server.address}: no frame came for 2 s$"):
            list(steps)
        assert time.monotonic() - frozen < 4


@pytest.mark.parametrize("kind", ["rtsp", "udp"])
def test_a_size_that_changes_in_mid_stream_is_told(tmp_path: Path, kind: str) -> None:
    with Server(kind) as server, reading(server.address, tmp_path) as steps:
        assert opened(steps).size == (320, 240)
        frame(steps)
        server.grow()
        assert opened(steps).size == (480, 360)
        later = frame(steps).picture
        assert isinstance(later, Path)
        with Image.open(later) as picture:
            assert picture.size == (480, 360)


@pytest.mark.parametrize("kind", ["ts", "rtsp"])
def test_a_server_that_dies_ends_it_or_breaks_it_off(tmp_path: Path, kind: str) -> None:
    with Server(kind) as server, reading(server.address, tmp_path) as steps:
        frame(steps)
        server.kill()
        try:
            assert all(not isinstance(step, Opened) for step in steps)
        except BadData as problem:
            assert "breaks off after" in str(problem)


@pytest.mark.parametrize("kind", ["rtsp", "ts"])
def test_a_server_that_is_not_there_is_named_with_the_cure(tmp_path: Path, kind: str) -> None:
    server = Server(kind, started=False)
    words = f"{server.address} cannot be read, says gstreamer: .*is the address right, and does its server run"
    with reading(server.address, tmp_path) as steps, pytest.raises(BadData, match=words):
        list(steps)


def test_an_srt_listener_waits_for_who_calls_and_ends_with_him(tmp_path: Path) -> None:
    need("ffmpeg")
    address = f"srt://127.0.0.1:{free_port()}"
    with reading(f"{address}?mode=listener", tmp_path) as steps:
        assert next(steps) is None
        picture = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=3", "-c:v", "libx264", "-g", "10"]
        call = ["ffmpeg", "-v", "error", *picture, "-tune", "zerolatency", "-f", "mpegts", address]
        with subprocess.Popen(call) as caller:
            try:
                assert opened(steps).size == (64, 48)
                list(steps)  # to its end
            finally:
                caller.kill()


def test_a_row_of_jpeg_files_is_not_waited_for_and_its_cure_works(tmp_path: Path) -> None:
    with Server("mjpeg") as server:
        with reading(server.address, tmp_path) as steps, pytest.raises(WrongArgument) as refusal:
            list(steps)
        cure = str(refusal.value).partition('source: "')[2].rstrip('"')
        assert cure == f"gst: souphttpsrc location={server.address} ! multipartdemux single-stream=true"
        with reading(cure, tmp_path) as steps:
            assert opened(steps).size == (320, 240)
            frame(steps)


def test_what_a_server_sent_before_is_not_shown_after_a_reconnect(tmp_path: Path) -> None:
    with Server("ts", backlog=200) as server:
        with reading(server.address, tmp_path) as steps:
            began = frame(steps).number
            assert began == 0
        until(lambda: _old(server, tmp_path) > 3, 10, "a backlog that is dropped")


def _old(server: Server, folder: Path) -> int:
    """How many frames are dropped as old ones before the first that is kept, which has number 7."""
    count = 0
    with reading(server.address, folder, first=7) as steps:
        for step in steps:
            if isinstance(step, Dropped):
                assert step.why == OLD
                count += step[0]
            elif isinstance(step, Frame):
                assert step.number == 7
                return count
    raise AssertionError("it ended before there was a frame")


def test_a_gst_launch_that_stands_still_is_killed(tmp_path: Path) -> None:
    with reading(CAMERA, tmp_path, patience=1.0) as steps:
        frame(steps)
        [child] = children(tmp_path)
        os.kill(child, signal.SIGSTOP)
        stopped = time.monotonic()
        with pytest.raises(BadData, match=r"no frame came for 1 s$"):
            list(steps)
        assert time.monotonic() - stopped < 3


def test_the_newest_frames_win_while_the_splitter_is_busy(tmp_path: Path) -> None:
    with reading(CAMERA, tmp_path) as steps:
        assert frame(steps).number == 0
        [child] = children(tmp_path)
        until(lambda: made(tmp_path) >= 40, 5, "40 frames, which nobody took")
        assert len(list(tmp_path.glob("gst-*/*.*"))) <= MOST_FILES
        assert child in children(tmp_path)
        lost, after = 0, None
        while not isinstance(after, Frame):
            after = next(steps)
            if isinstance(after, Dropped):
                assert after.why == SLOW
                lost += after[0]
        assert after.number == lost + 1  # every missing number is counted
        assert lost > 15
        assert time.time() - after.captured / 1e9 < 1


def made(folder: Path) -> int:
    """The highest number of a file of gst-launch's, which are there for a moment only."""
    return max((int(file.name[:8]) for file in folder.glob("gst-*/*[0-9].*")), default=0)


def test_files_are_bounded_though_the_splitter_itself_stands_still(tmp_path: Path) -> None:
    need("gst-launch-1.0")
    source = CAMERA.replace("25/1", "200/1")
    command = [sys.executable, "-c", SPLITTER, source, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as splitter:
        assert splitter.stdout
        try:
            assert "Opened" in splitter.stdout.readline()
            splitter.send_signal(signal.SIGSTOP)
            until(lambda: made(tmp_path) > 4 * MOST_FILES, 60, "many more files than may wait")
            assert len(list(tmp_path.glob("gst-*/*"))) <= MOST_FILES + DEPTH + 3  # with the lock
            splitter.send_signal(signal.SIGCONT)
            assert any(line.startswith("Dropped") for line in splitter.stdout)
        finally:
            splitter.kill()
    until(lambda: not children(tmp_path), 5, "gst-launch gone")


def test_rate_and_limit_hold_for_a_live_source(tmp_path: Path) -> None:
    with reading(CAMERA, tmp_path, first=5, rate=5.0, limit=9) as steps:
        found = [step for step in steps if isinstance(step, Frame)]
    assert [kept.number for kept in found] == [5, 6, 7, 8]
    apart = (found[-1].captured - found[0].captured) / 1e9
    assert 0.4 < apart < 1.5  # three gaps of 0.2 s


def test_patience_begins_anew_with_every_frame(tmp_path: Path) -> None:
    with reading(CAMERA.replace("25/1", "3/1"), tmp_path, patience=1.0, limit=6) as steps:
        assert sum(isinstance(step, Frame) for step in steps) == 6  # which takes 1.7 s


def test_a_camera_that_ends_ends_in_order(tmp_path: Path) -> None:
    with reading(CAMERA.replace("is-live=true", "is-live=true num-buffers=10"), tmp_path) as steps:
        numbers = [step.number for step in steps if isinstance(step, Frame)]
    assert numbers[-1:] == [9]
