"""gst-launch-1.0 as the splitter's child: real where it is installed."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image, ImageChops, ImageStat

from media.decoding import gstreamer, pyav
from media.sources.job import BadData
from media.sources.source import WrongArgument
from media.sources.video import BEAT, Dropped, Frame, Opened
from tests.conftest import make_clip, need, until
from tests.jobs import job
from tests.launch import pids
from tests.phone import make_phone_clip
from tests.serve import serve
from tests.servers_files import served

ROOT = Path(__file__).parent.parent


def read(folder: Path, source: Path | str, first: int = 0, **wish: Any) -> tuple[Opened, list[tuple[int, Image.Image]]]:
    """What was opened, and the number and picture of each frame."""
    need("gst-launch-1.0")
    wanted = job(str(source), engine="gstreamer", **wish)
    opened, pictures = None, []
    for step in gstreamer.frames(wanted, first, folder):
        if isinstance(step, Opened):
            opened = step
        elif step is not None:
            assert isinstance(step, Frame)
            assert isinstance(step.picture, Path)
            with Image.open(step.picture) as picture:
                pictures.append((step.number, picture.copy()))
    assert opened
    assert not list(folder.glob("gst-*"))
    return opened, pictures


def picture_of(frame: Frame) -> Image.Image:
    assert isinstance(frame.picture, numpy.ndarray)
    return Image.fromarray(frame.picture)


def difference(one: Image.Image, other: Image.Image | Path | bytes) -> float:
    """The mean difference in brightness, 0 to 255."""
    assert isinstance(other, Image.Image)
    return ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean[0]


def children(folder: Path) -> set[int]:
    """The processes of gst-launch that work in a folder below this one."""
    found = set()
    for pid in pids():
        with suppress(OSError):  # it has just ended
            ours = str(Path(f"/proc/{pid}/cwd").readlink()).startswith(f"{folder}/gst-")
            if ours and Path(f"/proc/{pid}/comm").read_text().startswith("gst-launch"):
                found.add(int(pid))
    return found


def test_it_gives_the_frames_that_pyav_gives(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=20, size="320x240")
    opened, frames = read(tmp_path, clip)
    assert opened == Opened((320, 240), 25.0, 20, True)
    assert [number for number, _ in frames] == list(range(20))
    theirs = [picture_of(step) for step in pyav.frames(job(str(clip)), 0) if isinstance(step, Frame)]
    nearest = [min(range(len(theirs)), key=lambda number: difference(picture, theirs[number])) for _, picture in frames]
    assert nearest == list(range(20))
    assert max(difference(picture, other) for (_, picture), other in zip(frames, theirs, strict=True)) < 3  # of 255


def test_rate_limit_size_and_first_mean_the_same_as_with_pyav(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=50, size="96x64")
    opened, frames = read(tmp_path, clip, first=3, rate=10.0, limit=12, size="48x20")
    assert opened == Opened((48, 20), 25.0, 12, True)
    assert [number for number, _ in frames] == list(range(3, 12))
    assert {picture.size for _, picture in frames} == {(48, 20)}


def test_what_a_phone_recorded_on_its_side_is_upright(tmp_path: Path) -> None:
    clip = make_phone_clip(tmp_path / "clip.mp4")
    opened, [(_, upright), _] = read(tmp_path, clip)
    assert opened.size == upright.size == (64, 96)
    [theirs, _] = [picture_of(step) for step in pyav.frames(job(str(clip)), 0) if isinstance(step, Frame)]
    assert difference(upright, theirs) < 3  # of 255
    assert read(tmp_path, clip, size="32x48")[0].size == (32, 48)


def test_a_file_name_is_never_part_of_the_pipeline(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, size="96x64")
    odd = clip.rename(tmp_path / 'a "b" ! filesink location=x %d \\c.mp4')
    assert len(read(tmp_path, odd)[1]) == 3
    latin = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")
    odd.rename(latin)
    assert len(read(tmp_path, latin)[1]) == 3


def test_a_stream_of_unknown_length_has_no_end_of_its_own(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=20, size="96x64")
    with serve(clip.read_bytes()) as address:
        asked = job(f'{address}/clip.mkv?a="b" ! c', engine="gstreamer")
        opened, *steps = [step for step in gstreamer.frames(asked, 0, tmp_path) if step]
    assert opened == Opened((96, 64), 25.0, 0, False)
    dropped = sum(step[0] for step in steps if isinstance(step, Dropped))  # it comes faster than it is shown
    assert sum(isinstance(step, Frame) for step in steps) + dropped == 20


def test_a_clip_from_a_web_server_that_tells_its_length_is_read_whole(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", frames=60, size="320x240")
    with served(tmp_path) as address:
        opened, frames = read(tmp_path, f"{address}/clip.mkv")
    assert (opened.size, opened.total, opened.ends) == ((320, 240), 0, True)
    assert [number for number, _ in frames] == list(range(60))


def test_what_cannot_be_read_is_said_in_gstreamers_words(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(b"\x8e\x11" * 1000)
    with pytest.raises(
        BadData, match=r"noise\.mp4 cannot be read, says gstreamer: Could not determine type of stream$"
    ):
        read(tmp_path, tmp_path / "noise.mp4")
    with serve(None) as address, pytest.raises(BadData, match="cannot be read, says gstreamer: Not Found"):
        read(tmp_path, f"{address}/test1.mpg")


def test_what_holds_no_video_is_said(tmp_path: Path) -> None:
    need("ffmpeg")
    sound = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(tmp_path / "sound.mp4")]
    subprocess.run(sound, check=True, timeout=20)
    with pytest.raises(BadData, match=r"cannot read /.*/sound\.mp4: gstreamer finds no video in it$"):
        read(tmp_path, tmp_path / "sound.mp4")


def test_a_size_that_changes_in_the_middle_is_told(tmp_path: Path) -> None:
    need("ffmpeg", "gst-launch-1.0")
    with (tmp_path / "clip.ts").open("wb") as clip:
        for size in ("320x240", "640x360"):
            picture = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=1", "-c:v", "libx264", "-f", "mpegts", "-"]
            subprocess.run(["ffmpeg", "-v", "error", *picture], check=True, timeout=20, stdout=clip)
    steps = [step for step in gstreamer.frames(job(str(tmp_path / "clip.ts"), engine="gstreamer"), 0, tmp_path) if step]
    told = [step if isinstance(step, Opened) else step.number for step in steps if isinstance(step, (Opened, Frame))]
    big = Opened((640, 360), 25.0, 25, True)
    assert told == [Opened((320, 240), 25.0, 25, True), *range(25), big, *range(25, 50)]


def test_a_clip_that_was_cut_off_is_broken(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", frames=75, size="320x240").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(BadData, match=r"cut\.mkv breaks off after \d\.\d\d s of 3\.00 s"):
        read(tmp_path, tmp_path / "cut.mkv")


def test_a_missing_program_is_one_line_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    clip = make_clip(tmp_path / "clip.mp4", frames=1, size="96x64")
    with pytest.raises(WrongArgument) as refusal:
        next(gstreamer.frames(job(str(clip), engine="gstreamer"), 0, tmp_path))
    words = str(refusal.value)
    assert words.startswith("gst-launch-1.0 is not installed: apt-get install gstreamer1.0-tools ")
    assert words.endswith("or use engine: av")


def test_a_missing_plugin_is_one_line_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=1, size="96x64")
    monkeypatch.setenv("GST_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("GST_PLUGIN_SYSTEM_PATH_1_0", str(tmp_path))  # where there is none
    with pytest.raises(WrongArgument, match=r'lacks "\w+": apt-get install .* or use engine: av'):
        read(tmp_path, clip)


def test_it_makes_no_frames_ahead_of_who_takes_them(tmp_path: Path) -> None:
    need("gst-launch-1.0")
    clip = make_clip(tmp_path / "clip.mp4", frames=400, size="320x240")
    with closing(gstreamer.frames(job(str(clip), engine="gstreamer"), 0, tmp_path)) as steps:
        assert any(isinstance(step, Frame) for step in steps)
        [child] = children(tmp_path)
        until(lambda: Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "T", 5, "it rests")
        assert len(list(tmp_path.glob("gst-*/*.jpg"))) < 400
    assert not children(tmp_path)


def silent(splitter: "subprocess.Popen[bytes]") -> bool:
    """Whether its child said nothing between its next two lines."""
    assert splitter.stdout
    splitter.stdout.readline()
    began = time.monotonic()
    splitter.stdout.readline()
    return time.monotonic() - began > BEAT * 0.8


def test_it_dies_with_a_splitter_that_is_killed(tmp_path: Path) -> None:
    need("gst-launch-1.0")
    program = "import sys; from media.decoding import gstreamer; from tests.jobs import job; from pathlib import Path\n"
    program += (
        "for step in gstreamer.frames(job(sys.argv[1], engine='gstreamer'), 0, Path(sys.argv[2])): print(flush=True)"
    )
    command = [sys.executable, "-c", program]
    with (
        serve(b"", silent=True) as address,
        subprocess.Popen([*command, address, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as splitter,
    ):
        try:
            until(lambda: children(tmp_path) and silent(splitter), 20, "gst-launch waits, and has nothing to say")
            [child] = children(tmp_path)
            splitter.send_signal(signal.SIGKILL)
            until(lambda: child not in children(tmp_path), 5, "gst-launch gone")
        finally:
            splitter.kill()
            for survivor in children(tmp_path):
                os.kill(survivor, signal.SIGKILL)


def test_a_stream_that_falls_silent_does_not_hold_the_node_up(tmp_path: Path) -> None:
    need("gst-launch-1.0")
    with serve(b"", silent=True) as address:
        steps = gstreamer.frames(job(f"{address}/x", engine="gstreamer"), 0, tmp_path)
        assert [next(steps) for _ in range(4)] == [None] * 4
        steps.close()
    assert not children(tmp_path)
