"""PyAV: clips and http streams become frames."""

import os
import signal
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy
import pytest

from media.decoding import pyav
from media.sources.job import BadData
from media.sources.live import reopened
from media.sources.video import Frame, Opened, Step
from media.sources.worker import WorkerDied
from tests.conftest import make_clip
from tests.jobs import job
from tests.phone import make_phone_clip
from tests.serve import serve


def read(source: Path | str, first: int = 0, **wish: Any) -> tuple[Opened, list[Frame]]:
    opened, *frames = [step for step in pyav.frames(job(str(source), **wish), first) if step is not None]
    assert isinstance(opened, Opened)
    return opened, [frame for frame in frames if isinstance(frame, Frame)]


def pixels(frame: Frame) -> "numpy.ndarray[Any, Any]":
    assert isinstance(frame.picture, numpy.ndarray)
    return frame.picture


def record(path: Path, pictures: "list[numpy.ndarray[Any, Any]]", codec: str, format: str) -> Path:
    """Write a clip of RGB pictures with any codec and pixel format."""
    height, width, _ = pictures[0].shape
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, format
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=format)
            for packet in [*stream.encode(frame)]:
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_every_frame_of_a_clip_comes_out_whole_and_in_order(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=20, size="96x64")
    opened, frames = read(clip)
    assert opened == Opened((96, 64), 25.0, 20, True)
    assert [frame.number for frame in frames] == list(range(20))
    with av.open(str(clip)) as container:
        expected = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    assert all((pixels(frame) == picture).all() for frame, picture in zip(frames, expected, strict=True))


@pytest.mark.parametrize("suffix", ["mkv", "avi", "mov", "ts", "mpg"])
def test_any_container_will_do(tmp_path: Path, suffix: str) -> None:
    black = [numpy.zeros((64, 96, 3), numpy.uint8)] * 10
    _, frames = read(record(tmp_path / f"clip.{suffix}", black, "mpeg2video", "yuv420p"))
    assert len(frames) == 10


def test_a_name_that_looks_like_a_protocol_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, size="96x64").rename(tmp_path / "concat:a|b%03d.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(read(clip.name)[1]) == 3


@pytest.mark.parametrize(
    ("size", "codec", "format"),
    [
        ((97, 65), "ffv1", "yuv420p"),
        ((96, 64), "ffv1", "yuv422p10le"),
        ((101, 33), "ffv1", "yuv444p"),
    ],
)
def test_odd_sizes_and_deep_colours_come_out_right(
    tmp_path: Path, size: tuple[int, int], codec: str, format: str
) -> None:
    orange = numpy.full((size[1], size[0], 3), (250, 130, 30), numpy.uint8)
    opened, frames = read(record(tmp_path / "clip.mkv", [orange] * 3, codec, format))
    assert opened.size == size
    assert numpy.max(numpy.abs(pixels(frames[2]).astype(int) - orange.astype(int))) <= 4


def test_what_a_phone_recorded_on_its_side_is_upright(tmp_path: Path) -> None:
    lying = pixels(read(make_clip(tmp_path / "lying.mp4", frames=2, size="96x64"))[1][0])
    clip = make_phone_clip(tmp_path / "clip.mp4")
    opened, [upright, _] = read(clip)
    assert opened.size == (64, 96)
    assert (pixels(upright) == numpy.rot90(lying, -1)).all()
    assert pixels(read(clip, size="32x48")[1][0]).shape == (48, 32, 3)


def test_rate_limit_and_first_choose_the_same_frames_each_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=50, size="96x64")
    everything = read(clip)[1]
    opened, some = read(clip, rate=10.0, limit=12)
    assert opened.total == 12
    assert [frame.number for frame in some] == list(range(12))
    assert (pixels(some[2]) == pixels(everything[5])).all()
    later = read(clip, first=9, rate=10.0, limit=12)[1]
    assert [frame.number for frame in later] == [9, 10, 11]
    assert (pixels(later[0]) == pixels(some[9])).all()


def test_a_broken_clip_gives_what_can_be_read_and_says_where(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=50, size="320x240")
    body = bytearray(clip.read_bytes())
    middle = body.index(b"mdat") + (len(body) - body.index(b"mdat")) // 3
    body[middle : middle + 4000] = bytes(255 - byte for byte in body[middle : middle + 4000])
    clip.write_bytes(body)
    frames: list[Frame] = []
    with pytest.raises(
        BadData, match=r"clip\.mp4 is broken at 0\.\d\d s, after frame \d+: .*; \d+ frames could be read"
    ):
        frames.extend(step for step in pyav.frames(job(str(clip)), 0) if isinstance(step, Frame))
    assert 0 < len(frames) < 50


def test_a_recording_that_was_cut_off_is_broken(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", frames=75, size="320x240").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(BadData, match=r"cut\.mkv breaks off after \d\.\d\d s of 3\.00 s"):
        read(tmp_path / "cut.mkv")


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 100])
def test_a_file_that_is_no_video_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(BadData, match=r"cannot read .*clip\.mp4: it is no video"):
        read(tmp_path / "clip.mp4")


def test_a_file_with_sound_alone_says_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(numpy.zeros((1, 800), numpy.int16), format="s16", layout="mono")
        silence.rate, silence.pts, silence.time_base = 8000, 0, Fraction(1, 8000)
        container.mux([*stream.encode(silence), *stream.encode()])
    with pytest.raises(BadData, match="it holds no video, only audio"):
        read(tmp_path / "song.wav")


def test_an_http_stream_is_read_to_its_end(tmp_path: Path) -> None:
    black = [numpy.zeros((64, 96, 3), numpy.uint8)] * 10
    clip = record(tmp_path / "test1.mpg", black, "mpeg2video", "yuv420p")
    with serve(clip.read_bytes()) as address:
        opened, frames = read(f"{address}/test1.mpg")
    assert (opened.size, opened.total) == ((96, 64), 0)
    assert len(frames) == 10


def test_an_http_stream_that_is_not_there_says_so() -> None:
    with serve(None) as address, pytest.raises(BadData, match=r"cannot read http.*: .*404"):
        read(f"{address}/test1.mpg")


def test_a_playlist_from_the_net_cannot_read_local_files(tmp_path: Path) -> None:
    secret = make_clip(tmp_path / "secret.ts", frames=3, size="96x64")
    with serve(_playlist(f"file://{secret}")) as address, pytest.raises(BadData):
        read(f"{address}/list.m3u8")


def test_a_local_playlist_cannot_reach_the_net(tmp_path: Path) -> None:
    remote = make_clip(tmp_path / "remote.ts", frames=3, size="96x64").read_bytes()
    with serve(remote) as address:
        (tmp_path / "list.m3u8").write_bytes(_playlist(f"{address}/remote.ts"))
        with pytest.raises(BadData):
            read(tmp_path / "list.m3u8")


def test_a_local_playlist_cannot_read_other_files(tmp_path: Path) -> None:
    make_clip(tmp_path / "other.ts", frames=3, size="96x64")
    for number, address in enumerate(("other.ts", f"file://{tmp_path}/other.ts", f"fd://{tmp_path}/other.ts")):
        (tmp_path / f"{number}.m3u8").write_bytes(_playlist(address))
        with pytest.raises(BadData, match="it is a playlist, and from a file it may not open others"):
            read(tmp_path / f"{number}.m3u8")


def test_a_stream_that_falls_silent_does_not_hold_the_node_up(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", frames=50, size="320x240").read_bytes()
    with serve(clip[: len(clip) // 2], silent=True) as address:
        steps = pyav.frames(job(f"{address}/live.ts"), 0)
        assert None in steps
        steps.close()


def test_a_decoder_that_dies_is_told_from_a_source_that_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, size="96x64")
    monkeypatch.setattr(pyav, "COMMAND", [sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"])
    steps: list[Step] = []
    with pytest.raises(WorkerDied, match=r"clip\.mp4: its decoder was killed by SIGTERM"):
        steps.extend(pyav.frames(job(str(clip)), 0))
    assert steps[-1] is None  # who was stopped with it has left here


def test_a_clip_whose_decoder_is_killed_is_read_to_its_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=30, size="640x360")  # of which the pipe holds one
    numbers = []
    for step in reopened(pyav.frames, job(str(clip)), 0, None):
        if isinstance(step, Frame):
            numbers.append(step.number)
            if step.number in (3, 7):
                [decoder] = Path("/proc/self/task", str(threading.get_native_id()), "children").read_text().split()
                os.kill(int(decoder), signal.SIGKILL)
    assert numbers == list(range(30))


def test_a_decoder_that_only_complains_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, size="96x64")
    endless = "import os, time\nwhile True: os.write(2, b'.'), time.sleep(0.01)"
    monkeypatch.setattr(pyav, "COMMAND", [sys.executable, "-c", endless])
    monkeypatch.setattr(pyav, "START", 1.0)
    began = time.monotonic()
    with pytest.raises(WorkerDied, match=r"no frame came for 1 s"):
        for _ in pyav.frames(job(str(clip), patience=1.0), 0):
            assert time.monotonic() - began < 5


def _playlist(address: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n".encode()
