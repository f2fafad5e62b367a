"""An open source: whether it ends, until when it is shown, and when a picture is whole again."""

import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from PIL import Image

from media.decoding import footage, pyav
from media.decoding.footage import HEALED, Footage
from media.sources.job import BadData
from media.sources.video import Dropped, Frame, Opened, Promise, Step
from tests.jobs import job
from tests.odd_videos import PLAIN, b_frames, encode, ffmpeg
from tests.serve import serve
from tests.servers import Server
from tests.servers_clock import age
from tests.servers_files import served

UNKNOWN = {  # suffix -> how to make a file of it that does not say how long it is
    "h264": ["-c", "copy"],
    "mjpeg": ["-c:v", "mjpeg"],
    "mkv": ["-c", "copy", "-live", "1"],
}


def endless(folder: Path, suffix: str) -> Path:
    clip = encode(folder / "clip.mp4", *PLAIN, frames=25)
    ffmpeg("-i", clip, *UNKNOWN[suffix], folder / f"endless.{suffix}")
    return folder / f"endless.{suffix}"


@pytest.mark.parametrize("suffix", UNKNOWN)
def test_a_file_from_afar_that_knows_no_duration_ends(tmp_path: Path, suffix: str) -> None:
    name = endless(tmp_path, suffix).name
    with served(tmp_path) as address:
        opened, *frames = [step for step in pyav.frames(job(f"{address}/{name}"), 0) if step]
    assert isinstance(opened, Opened)
    assert (opened.ends, len(frames)) == (True, 25)


@pytest.mark.parametrize("suffix", ["h264", "mkv"])
def test_what_a_server_gives_without_any_length_is_live(tmp_path: Path, suffix: str) -> None:
    clip = endless(tmp_path, suffix)
    with serve(clip.read_bytes()) as address:
        steps = pyav.frames(job(f"{address}/{clip.name}"), 0)
        opened = next(step for step in steps if step)
        steps.close()
    assert isinstance(opened, Opened)
    assert not opened.ends


@pytest.mark.parametrize("rate", [0.0, 10.0])
def test_a_clip_with_b_frames_that_breaks_off_says_when(tmp_path: Path, rate: float) -> None:
    clip = encode(tmp_path / "clip.mp4", *b_frames("-movflags", "faststart"), frames=75)
    steps: list[Step] = []
    with served(tmp_path, breaks=clip.stat().st_size * 2 // 3) as address, pytest.raises(BadData) as broken:
        steps.extend(pyav.frames(job(f"{address}/clip.mp4", rate=rate), 0))
    assert re.search(r"broke off at 1\.\d\d s, after \d\d frames", str(broken.value))
    assert sum(isinstance(step, Frame) for step in steps) >= (10 if rate else 30)


def test_a_clip_whose_last_frame_is_shown_for_long_is_whole(tmp_path: Path) -> None:
    first, *others = [Image.new("RGB", (64, 48), (20 * number, 0, 0)) for number in range(10)]
    first.save(tmp_path / "pause.gif", save_all=True, append_images=others, duration=[100] * 9 + [5000])
    frames = [step for step in pyav.frames(job(str(tmp_path / "pause.gif")), 0) if isinstance(step, Frame)]
    assert len(frames) == 10


@pytest.mark.parametrize("shown", [10, 30])
def test_a_rate_holds_for_a_camera_that_sends_no_times(shown: int) -> None:
    with Server("mjpeg", rate=shown) as server:
        frames = pyav.frames(job(server.address, rate=5.0), 0)
        captured = []
        for step in frames:
            if isinstance(step, Frame):
                captured.append(step.captured / 1e9)
            if captured and captured[-1] - captured[0] > 3:
                break
        frames.close()
    assert (len(captured) - 1) / (captured[-1] - captured[0]) == pytest.approx(5.0, rel=0.15)


def test_who_is_slower_than_a_camera_that_sends_no_times_gets_new_frames() -> None:
    """At 40 frames a second, which FFmpeg takes for 25, nothing seems to come late."""
    with Server("mjpeg", rate=40, size="640x480") as server:
        ages, dropped, began = [], 0, time.monotonic()
        steps = pyav.frames(job(server.address), 0)
        for step in steps:
            if isinstance(step, Frame):
                assert isinstance(step.picture, numpy.ndarray)
                ages.append(age(Image.fromarray(step.picture), time.time()))
                time.sleep(0.2)  # the graph's work
            dropped += step.frames if isinstance(step, Dropped) else 0
            if time.monotonic() - began > 6:
                break
        steps.close()
    assert dropped > 100
    assert max(ages[-5:]) < 2.5, ages


class Video:
    """What a torn stream shows: no key frames, and times that leap."""

    def __init__(self, ends: bool) -> None:
        nothing: Any = SimpleNamespace()
        self.footage = Footage(job(), nothing, nothing, ends, Promise(0, 0))

    def torn(self, seconds: float, corrupt: bool = False) -> bool:
        self.footage.seconds = seconds
        picture: Any = SimpleNamespace(is_corrupt=corrupt, key_frame=False)
        return self.footage.torn(picture)


def test_a_live_picture_heals_by_our_clock_when_its_own_leaps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(footage, "monotonic", lambda: now[0])
    video = Video(ends=False)
    assert video.torn(90000.0, corrupt=True)
    now[0] += HEALED / 2
    assert video.torn(3.0)
    now[0] += HEALED
    assert not video.torn(3.0 + HEALED)


def test_a_clip_heals_by_its_own_clock_in_whichever_direction_it_leaps() -> None:
    video = Video(ends=True)
    assert video.torn(100.0, corrupt=True)
    assert video.torn(100.0 + HEALED / 2)
    assert not video.torn(100.0 + HEALED)
    assert not video.torn(3.0)
