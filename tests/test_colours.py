"""Colours come out as they were filmed: whatever matrix, range and layout a clip has them in, as JPEG and raw."""

from pathlib import Path
from typing import Any

import av
import numpy
import pytest
from av.video.reformatter import ColorRange, Colorspace

from bus import Message
from media.decoding import pyav
from media.sources.video import Frame
from tests.jobs import job

COLOURS = [(250, 130, 30), (30, 200, 60), (40, 60, 220), (200, 200, 200)]
SIDE = 32  # pixels of each colour
OFF = 5  # grey levels that FFmpeg's integers and JPEG's may cost together

MATRICES = {"bt601": (Colorspace.ITU601, 6), "bt709": (Colorspace.ITU709, 1)}  # for swscale, and for the clip's header


def stripes() -> "numpy.ndarray[Any, Any]":
    return numpy.repeat(numpy.array(COLOURS, numpy.uint8), SIDE, axis=0)[None].repeat(SIDE, axis=0)


def record(path: Path, format: str, matrix: str, reach: ColorRange) -> Path:
    """A clip of stripes whose header says how its colours are to be understood."""
    colorspace, code = MATRICES[matrix]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, _ = stripes().shape
        stream.pix_fmt = format
        stream.codec_context.colorspace, stream.codec_context.color_range = code, reach
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(stripes(), format="rgb24")
            frame = frame.reformat(format=format, dst_colorspace=colorspace, dst_color_range=reach)
            frame.pts, frame.colorspace, frame.color_range = number, code, reach
            container.mux([*stream.encode(frame)])
        container.mux([*stream.encode()])
    return path


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("format", "matrix", "reach"),
    [
        ("yuv420p", "bt601", ColorRange.MPEG),
        ("yuv420p", "bt709", ColorRange.MPEG),
        ("yuv420p", "bt601", ColorRange.JPEG),
        ("yuv444p", "bt709", ColorRange.JPEG),
        ("yuv422p10le", "bt709", ColorRange.MPEG),
        ("gray", "bt601", ColorRange.JPEG),
    ],
)
def test_colours_are_right(tmp_path: Path, format: str, matrix: str, reach: ColorRange, raw: bool) -> None:
    clip = record(tmp_path / "clip.mkv", format, matrix, reach)
    for size in ("", "192x48"):
        [frame, _] = [
            step
            for step in pyav.frames(job(str(clip), size=size), 0, None if raw else tmp_path)
            if isinstance(step, Frame)
        ]
        assert isinstance(frame.picture, bytes | numpy.ndarray)
        assert isinstance(frame.picture, bytes) is not raw
        picture = Message(frame.picture).image
        for colour, left in zip(COLOURS, range(0, picture.width, picture.width // 4), strict=True):
            if format == "gray":
                colour = (round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]),) * 3
            middle = picture.crop((left + 12, 12, left + 20, picture.height - 12))
            seen = numpy.asarray(middle).mean(axis=(0, 1))
            assert numpy.abs(seen - colour).max() <= OFF, (colour, seen, size)
