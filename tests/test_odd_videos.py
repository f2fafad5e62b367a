"""Odd and broken clips, each with what comes of it: the right frames, or a clear line after those that can be read."""

import re
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from nodes.splitter import splitter
from tests.conftest import need
from tests.odd_videos import (
    CLUSTER,
    DARK,
    LIGHT,
    SIZE,
    b_frames,
    copied,
    cut,
    encode,
    film,
    grown,
    h264,
    holed,
    phone,
    song,
    sound,
    trimmed,
    two_videos,
    written,
)  # fmt: skip
from tests.servers_clock import ACROSS, DOWN, shown

ALWAYS_LIGHT, ALWAYS_DARK = 24, 13  # blocks: a check bit of 0, and a bit that is 0 in numbers below 8192
COLOUR, GREY = (LIGHT, DARK), ((154, 154, 154), (34, 34, 34))  # of light and dark blocks; grey by ITU-R BT.601
SUBTITLES = b"1\n00:00:00,000 --> 00:00:02,000\nhi\n\n"
NO_VIDEO = "cannot read .*: it is no video, or was not copied to its end"


class Odd(NamedTuple):
    """One clip, and what comes of it."""

    name: str
    make: Callable[[Path], Path]
    numbers: Iterable[int] = range(15)  # that the frames show
    size: tuple[int, int] = SIZE
    colours: tuple[tuple[int, ...], tuple[int, ...]] = COLOUR
    line: str = ""  # what is said of it; with it goes exit code 65
    gstreamer: bool = False  # whether GStreamer reads it too


def video(name: str, *words: str, **more: object) -> Odd:
    """A clip that FFmpeg makes as `words` say."""
    making = {key: more.pop(key) for key in ("frames", "first") if key in more}
    size = more.get("size", SIZE)
    return Odd(name, lambda path: encode(path, *words, size=size, **making), **more)  # type: ignore[arg-type]


CONTAINERS = [
    *(video(f"plain.{suffix}", *h264()) for suffix in ("mp4", "mov", "mkv", "ts", "flv", "avi", "h264")),
    *(video(f"plain.{suffix}", "-q:v", "2") for suffix in ("mpg", "mjpeg", "wmv", "mxf", "ogv", "nut")),
    video("plain.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-b:v", "2M", gstreamer=True),
    video("plain.y4m", "-pix_fmt", "yuv420p"),
    video("plain.gif", "-vf", "split[a][b];[a]palettegen[c];[b][c]paletteuse"),
    video("fragments.mp4", *h264("-movflags", "frag_keyframe+empty_moov")),
    video("upload.MP4", *h264(), gstreamer=True),
]
PICTURES = [
    video("odd_size.mp4", *h264(format="yuv444p"), size=(321, 243)),
    video("odd_size.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p", size=(321, 243), gstreamer=True),
    video("high.mp4", *h264(format="yuv420p10le")),
    video("422.mp4", *h264(format="yuv422p"), gstreamer=True),
    video("high_422.mp4", *h264(format="yuv422p10le")),
    video("high_444.mp4", *h264(format="yuv444p10le")),
    video("400.mp4", *h264(format="gray"), colours=GREY),
    video("deep_grey.mkv", "-c:v", "ffv1", "-pix_fmt", "gray16le", colours=GREY),
    video("full_range.mp4", *h264(format="yuvj420p")),  # GStreamer heeds no range where no colour matrix is named
    video("bt709.mp4", *h264("-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709")),
    video("rgb.mp4", "-c:v", "libx264rgb", "-preset", "ultrafast", "-crf", "5"),
    video("yuyv.avi", "-c:v", "rawvideo", "-pix_fmt", "yuyv422"),
    video("interlaced.mpg", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "1"),
    video("interlaced.ts", *h264("-flags", "+ildct+ilme", "-x264opts", "tff=1")),
    video("wide_pixels.mp4", "-vf", "setsar=2", *h264(), gstreamer=True),  # one pixel in, one pixel out
    video("alpha.webm", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-b:v", "2M", "-deadline", "realtime"),
    video("alpha_prores.mov", "-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le"),
    video("unseen.mov", "-vf", "format=rgba,colorchannelmixer=aa=0", "-c:v", "png"),  # the colours under it count
    *(Odd(f"turned_{angle}.mp4", partial(phone, degrees=angle), gstreamer=angle == 90) for angle in (90, 180, 270)),
    Odd("grown.ts", grown, range(30), (224, 128)),
]
TIMES = [
    video("varied.mp4", "-vf", "select='lt(n,10)+not(mod(n,3))'", "-vsync", "vfr", *h264(), numbers=[*range(10), 12]),
    video("varied.mkv", "-vf", "select='lt(n,10)+not(mod(n,3))'", "-vsync", "vfr", *h264(), numbers=[*range(10), 12]),
    video("b_frames.mp4", *b_frames(), gstreamer=True),
    video("b_frames.ts", *b_frames()),
    video("b_frames.avi", *b_frames()),
    video("open_groups.mp4", *b_frames("-x264opts", "open-gop=1:keyint=5:bframes=3")),
    Odd("negative.mp4", lambda path: copied(path, "-movflags", "negative_cts_offsets")),
    Odd("late.ts", lambda path: copied(path, "-output_ts_offset", "100")),
    Odd("trimmed.mp4", trimmed, range(30, 75)),
    video("three.mp4", *h264(), frames=3, numbers=range(3)),
    video("one.mp4", *h264(), frames=1, numbers=range(1), gstreamer=True),
]
STREAMS = [
    Odd("film_with_cover.mp4", film),
    Odd("two_sides.mp4", two_videos),
    video("with_sound.mp4", "-f", "lavfi", "-i", "sine=d=1", *h264(), gstreamer=True),
    Odd("music.m4a", sound, (), line="cannot read .*: it holds no video, only audio$"),
    Odd("music.wav", sound, (), line="cannot read .*: it holds no video, only audio$"),
    Odd("song.mp3", song, (), line="cannot read .*: it holds no video, only audio$"),
]
BREAK = r"is broken at \d\.\d\d s, after frame \d+: .*; {} frames could be read"
BROKEN = [
    Odd("cut.mp4", cut, (), line=NO_VIDEO),
    Odd("cut.mkv", cut, range(48), line=r"breaks off after 1\.92 s of 3\.00 s"),
    Odd("cut.ts", cut, range(49)),  # it has no end that could be missing
    Odd("cut.avi", cut, range(42), line=BREAK.format(42)),
    Odd("cut.h264", cut, range(49), line=BREAK.format(49)),
    Odd("cut.mjpeg", lambda path: cut(path, "-q:v", "2"), range(50), line=BREAK.format(50)),
    Odd("first_second.mp4", partial(holed, begin=0.03, end=0.3, after=b"mdat"), range(25, 75), line=BREAK.format(50)),
    Odd("first_second.mkv", partial(holed, begin=0.03, end=0.3, after=CLUSTER), range(25, 75), line=BREAK.format(50)),
    Odd("hole.ts", partial(holed, begin=1 / 3, end=2 / 3), [*range(24), *range(50, 75)], line=BREAK.format(49)),
    Odd("junk_first.ts", partial(holed, begin=0, end=0.33), (), line="cannot read .*"),
    Odd("empty.mp4", partial(written, content=b""), (), line=NO_VIDEO),
    Odd("one_byte.mp4", partial(written, content=b"x"), (), line=NO_VIDEO),
    Odd("text.mp4", partial(written, content=b"hello world\n" * 100), (), line=NO_VIDEO),
    Odd("subtitles.mp4", partial(written, content=SUBTITLES), (), line="only subtitle"),
]
ALL = [*CONTAINERS, *PICTURES, *TIMES, *STREAMS, *BROKEN]


@pytest.mark.parametrize("odd", ALL, ids=[odd.name for odd in ALL])
def test_the_right_frames_come_out_or_a_clear_line(
    tmp_path: Path, odd: Odd, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = odd.make(tmp_path / odd.name)
    code, pictures = split(clip, tmp_path / "spool")
    assert [shown(picture) for picture in pictures] == [*odd.numbers]
    lines = capsys.readouterr().out.splitlines()
    assert (code, bool(re.search(odd.line, lines[-1]))) == (65 if odd.line else 0, True), lines
    assert odd.line or lines[-1] == f"{clip} has ended, {len(pictures)} frames"
    if pictures:
        width, height = pictures[-1].size
        assert (width, height) == odd.size
        light, dark = colours(pictures[-1])
        assert near(light, odd.colours[0], 6), light
        assert near(dark, odd.colours[1], 6), dark


@pytest.mark.parametrize("odd", [odd for odd in ALL if odd.gstreamer], ids=lambda odd: odd.name)
def test_gstreamer_gives_the_same_frames(tmp_path: Path, odd: Odd) -> None:
    need("gst-launch-1.0")
    code, pictures = split(odd.make(tmp_path / odd.name), tmp_path / "spool", engine="gstreamer")
    assert [shown(picture) for picture in pictures] == [*odd.numbers]
    assert (code, pictures[-1].size) == (0, odd.size)
    assert near(colours(pictures[-1])[0], odd.colours[0], 8)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 200)])
def test_the_smallest_clips_are_clips(tmp_path: Path, size: tuple[int, int]) -> None:
    clip = encode(tmp_path / "small.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p", size=size, frames=3)
    code, pictures = split(clip, tmp_path / "spool")
    assert (code, [picture.size for picture in pictures]) == (0, [size] * 3)


def test_a_picture_that_grows_in_mid_stream_is_said_and_keeps_its_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = grown(tmp_path / "grown.ts")
    code, pictures = split(clip, tmp_path / "spool")
    assert [picture.size for picture in pictures] == [SIZE] * 15 + [(224, 128)] * 15
    assert f"{clip}: its frames are 224x128 from here on, they were 112x64" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "spool")
    code, pictures = split(clip, tmp_path / "spool", size="112x64")
    assert (code, [picture.size for picture in pictures]) == (0, [SIZE] * 30)
    assert [shown(picture) for picture in pictures] == [*range(30)]


def test_a_rate_goes_by_the_time_at_which_frames_are_shown(tmp_path: Path) -> None:
    sparse = ("-vf", "select='lt(n,10)+not(mod(n,10))'", "-vsync", "vfr", *h264())
    clip = encode(tmp_path / "varied.mp4", *sparse, frames=50)  # ten at full rate, then 2.5 a second
    _, pictures = split(clip, tmp_path / "spool", rate=5.0)
    assert [shown(picture) for picture in pictures] == [0, 5, 10, 20, 30, 40]


def split(
    clip: Path, folder: Path, engine: str = "auto", size: str = "", rate: float = 0
) -> tuple[int, list[Image.Image]]:
    """The exit code of the splitter, and the pictures that it wrote, in their order."""
    code = 0
    try:
        for _ in splitter(source=str(clip), folder=str(folder), quality=95, engine=engine, size=size, rate=rate):
            pass
    except SystemExit as end:
        code = int(end.code or 0)
    pictures = []
    for file in sorted(folder.glob("*.jpg")):
        with Image.open(file) as picture:
            picture.load()
            pictures.append(picture)
    return code, pictures


def colours(picture: Image.Image) -> "list[tuple[int, ...]]":
    """The mean colours of a light block and of a dark one."""
    number = shown(picture)
    light = (number & -number).bit_length() - 1 if number else ALWAYS_LIGHT
    return [mean(picture, block) for block in (light, ALWAYS_DARK)]


def mean(picture: Image.Image, block: int) -> tuple[int, ...]:
    """The mean colour of the inside of a block."""
    width, height = picture.width // ACROSS, picture.height // DOWN
    left, top = block % ACROSS * width, block // ACROSS * height
    inside = picture.crop((left + 2, top + 2, left + width - 2, top + height - 2))
    colour = inside.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(colour, tuple)
    return colour


def near(colour: tuple[int, ...], expected: tuple[int, ...], tolerance: int) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(colour, expected, strict=True))
