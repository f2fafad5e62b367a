"""Clips of every kind that people have, made with FFmpeg: each frame shows its number, in two colours."""

import functools
import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import need
from tests.servers_clock import drawn

LIGHT, DARK = (250, 130, 30), (0, 40, 90)  # RGB: of the blocks that say 1, and of those that say 0
RATE = 25  # frames a second
SIZE = (112, 64)  # pixels: 7 x 4 blocks of 16 x 16, which is what most codecs work on
PLAIN = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-g", "25", "-pix_fmt", "yuv420p")
CLUSTER = b"\x1f\x43\xb6\x75"  # what frames in Matroska follow
PACKET = 188  # bytes of mpeg-ts
MOVIE_HEADER = 44  # bytes from the letters tkhd to the track's matrix: ISO 14496-12, 8.3.2


def ffmpeg(*words: "str | Path", told: bytes = b"") -> None:
    """Run FFmpeg, quietly, on what these words say. Raises AssertionError with what it said if it fails."""
    need("ffmpeg")
    command = ["ffmpeg", "-y", "-loglevel", "error", *map(str, words)]
    done = subprocess.run(command, input=told, capture_output=True, timeout=60, check=False)
    said = done.stderr.decode()
    if "Unknown encoder" in said:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    assert done.returncode == 0, said


def encode(
    path: Path, *words: "str | Path", frames: int = 15, size: tuple[int, int] = SIZE, turned: int = 0, first: int = 0
) -> Path:
    """Write a clip of numbered frames; `words` are FFmpeg's: more inputs, the codec, and so on.

    turned: degrees, counter-clockwise, by which the picture lies on its side
    """
    pictures = [painted(*size, first + number).rotate(turned, expand=True) for number in range(frames)]
    width, height = pictures[0].size
    raw = b"".join(picture.tobytes() for picture in pictures)
    into = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(RATE), "-i", "pipe:0"]
    ffmpeg(*into, *words, path, told=raw)
    return path


@functools.lru_cache(maxsize=300)
def painted(width: int, height: int, number: int) -> Image.Image:
    """The picture that shows `number`."""
    mask = Image.frombytes("L", (width, height), drawn(width, height, number))
    return Image.composite(Image.new("RGB", mask.size, LIGHT), Image.new("RGB", mask.size, DARK), mask)


def h264(*words: str, format: str = "yuv420p") -> tuple[str, ...]:
    return (*PLAIN[:-1], format, *words)


def three_seconds(path: Path, *words: str) -> bytes:
    """The content of a clip of 75 frames, with a key frame each second."""
    return encode(path, *(words or PLAIN), frames=75).read_bytes()


def phone(path: Path, degrees: int) -> Path:
    """A clip that is stored on its side, and says by how many degrees (clockwise) it is to be turned."""
    body = bytearray(encode(path, *PLAIN, turned=degrees).read_bytes())
    at = body.index(b"tkhd") + MOVIE_HEADER
    one = 1 << 16  # nine 16.16 and 2.30 fixed-point numbers
    cosine, sine = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    body[at : at + 36] = struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    path.write_bytes(body)
    return path


def cut(path: Path, *words: str) -> Path:
    """A clip of three seconds that lacks its last third."""
    whole = three_seconds(path, *words)
    path.write_bytes(whole[: len(whole) * 2 // 3])
    return path


def holed(path: Path, begin: float, end: float, after: bytes = b"") -> Path:
    """A clip of three seconds in which junk stands between these shares of what follows the letters `after`."""
    body = bytearray(three_seconds(path))
    start = body.index(after)
    first, last = (start + int((len(body) - start) * share) // PACKET * PACKET for share in (begin, end))
    body[first:last] = random.Random(1).randbytes(last - first)
    path.write_bytes(body)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def grown(path: Path) -> Path:
    """A stream whose picture becomes twice as large after 15 frames."""
    small = encode(path.with_name("small.ts"), *PLAIN).read_bytes()
    large = encode(path.with_name("large.ts"), *PLAIN, size=(224, 128), first=15).read_bytes()
    return written(path, small + large)


def sound(path: Path, *words: "str | Path") -> Path:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", *words, path)
    return path


def song(path: Path) -> Path:
    """Music with the picture of its cover, which is a video stream to FFmpeg."""
    return sound(path, "-i", cover(path), "-map", "0", "-map", "1", "-disposition:v:0", "attached_pic")


def film(path: Path) -> Path:
    """A film whose cover comes first."""
    clip = encode(path.with_name("plain.mp4"), *PLAIN)
    maps = ["-map", "0", "-map", "1", "-c", "copy", "-c:v:0", "mjpeg", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", cover(path), "-i", clip, *maps, path)
    return path


def cover(beside: Path) -> Path:
    painted(*SIZE, 9999).save(beside.with_name("cover.jpg"))
    return beside.with_name("cover.jpg")


def two_videos(path: Path) -> Path:
    """A film from two sides; the first counts from 0, the other from 500."""
    one = encode(path.with_name("one.mp4"), *PLAIN)
    other = encode(path.with_name("other.mp4"), *PLAIN, size=(224, 128), first=500)
    ffmpeg("-i", one, "-i", other, "-map", "0", "-map", "1", "-c", "copy", path)
    return path


def trimmed(path: Path) -> Path:
    """A clip whose first 30 frames an edit list hides: five of them are there, to decode the others by."""
    three_seconds(path.with_name("whole.mp4"))
    ffmpeg("-ss", "1.2", "-i", path.with_name("whole.mp4"), "-c", "copy", path)
    return path


def copied(path: Path, *words: str) -> Path:
    """A clip with B-frames, put into another container as `words` say."""
    clip = encode(path.with_name("coded.mp4"), *b_frames())
    ffmpeg("-i", clip, "-c", "copy", *words, path)
    return path


def b_frames(*words: str) -> tuple[str, ...]:
    return ("-c:v", "libx264", "-preset", "medium", "-bf", "3", "-crf", "12", "-pix_fmt", "yuv420p", *words)
