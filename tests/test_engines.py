"""Who converts: what `engine` chooses, what it says, and that OpenCV's results are Pillow's within one grey level."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image, ImageFilter

from bus import Message, encode
from media.imaging.engines import INSTALL, choose
from media.imaging.filters import NAMES, chain
from nodes.converter import converter
from tests.conftest import make_clip
from tests.craft import jpeg, saved, segment
from tests.engines import EVERY, SIZES, noise, off, with_opencv
from tests.launch import ROOT

EXACT = {*NAMES} - {"detail", "smooth_more", "grayscale"}
CHAINS = [
    ["grayscale", "emboss"],
    ["detail", "grayscale"],
    ["detail", "edge_enhance_more", "invert"],
    ["equalize", {"resize": "31x23"}, "emboss", {"rotate": 7}, "sharpen"],
    [{"crop": "30x20+3+2"}, "emboss", "smooth_more", {"rotate": 90}, "invert", {"crop": "9x9+1+1"}],
]


def converted(engine: str, filter: Any, frame: Message) -> Image.Image:
    return Message(choose(engine, filter).convert(frame).payload).image


@with_opencv
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("filter", EVERY, ids=str)
def test_every_filter_on_noise_of_every_size_is_pillows_within_one_grey_level(filter: Any, mode: str) -> None:
    name = filter if isinstance(filter, str) else next(iter(filter))
    ours = choose("opencv", filter)
    for size in SIZES:
        for kind in ("even", "hard", "slope"):
            image = noise(mode, size, kind)
            result = Message(ours.convert(Message(image)).payload).image
            assert off(result, chain(filter)(image)) <= (name not in EXACT), (size, kind)


@with_opencv
@pytest.mark.parametrize("filter", CHAINS, ids=str)
def test_errors_of_one_grey_level_do_not_add_up_in_a_chain(filter: Any) -> None:
    for kind in ("even", "hard", "slope"):
        image = noise("RGB", (160, 120), kind)
        assert off(converted("opencv", filter, Message(image)), chain(filter)(image)) <= 1


@with_opencv
@pytest.mark.parametrize("format", ["jpg", "png", "webp"])
def test_results_of_a_clips_frames_are_pillows_files_byte_for_byte(tmp_path: Path, format: str) -> None:
    import av

    with av.open(str(make_clip(tmp_path / "clip.mp4", 4, "322x242"))) as clip:
        images = [frame.to_image() for frame in clip.decode(video=0)]
    images += [images[0].convert("L"), noise("RGB", (161, 97))]
    bodies = [saved("JPEG", image, quality=90, subsampling=n % 3) for n, image in enumerate(images)]
    bodies += [jpeg(segment(0xFE, b"Lavc")), encode(images[0], "png"), encode(images[1], "webp")]
    for engine in ("pillow", "opencv"):
        frames = [Message(body, name=f"{n}") for n, body in enumerate(bodies)]
        frames.append(Message.load({**Message(images[0], name="raw").dump()[0]}, images[0].tobytes()))
        list(converter(frames, filter="emboss", folder=str(tmp_path / engine), format=format, engine=engine))

    made = {path.name: path.read_bytes() for path in (tmp_path / "opencv").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "pillow").iterdir()}
    assert len(made) == len(bodies) + 1


@with_opencv
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_raw_pixels_keep_their_mode_and_stay_as_they_were(mode: str) -> None:
    image = noise(mode, (37, 21))
    meta, pixels = Message(image).dump()
    frame = Message.load(meta, pixels)

    assert off(converted("opencv", "emboss", frame), image.filter(ImageFilter.EMBOSS)) == 0
    assert frame.bytes == image.tobytes()


@with_opencv
def test_a_jpeg_that_is_damaged_inside_has_pillows_verdict_and_pixels() -> None:
    random = np.random.default_rng(3)
    body = saved("JPEG", noise("RGB", (160, 120), "slope"), restart_marker_rows=1)
    scan = body.index(b"\xff\xda") + 14
    seen = {"refused": 0, "converted": 0}
    ours, theirs = choose("opencv", "emboss"), choose("pillow", "emboss")
    for number in range(300):
        damaged = bytearray(body)
        for at in random.integers(*((scan, len(body) - 3) if number % 2 else (2, scan)), 1 + number % 3):
            damaged[at] = 255 if number % 4 == 1 else random.integers(256)
            damaged[at + 1] = random.integers(256)
        try:
            wanted = theirs.convert(Message(bytes(damaged))).image
        except ValueError as error:
            seen["refused"] += 1
            with pytest.raises(ValueError) as refused:
                ours.convert(Message(bytes(damaged)))
            assert str(refused.value) == str(error)
        else:
            seen["converted"] += 1
            assert off(Message(ours.convert(Message(bytes(damaged))).payload).image, wanted) == 0
    assert min(seen.values()) > 20


@with_opencv
def test_what_opencv_cannot_encode_is_refused_in_pillows_words(tmp_path: Path) -> None:
    frame = Message(Image.new("RGB", (65_501, 1)), name="wide.jpg")
    list(converter([frame], filter="emboss", folder=str(tmp_path), engine="opencv"))

    assert "at most 65500" in (frame.reason or "")


@with_opencv
@pytest.mark.parametrize(
    ("engine", "filter", "start", "end"),
    [
        ("auto", "emboss", "converts with OpenCV ", ""),
        ("auto", {"resize": "9x", "grayscale": None, "rotate": 90}, "converts with Pillow ", ""),
        ("pillow", "emboss", "converts with Pillow ", ""),
        ("opencv", ["emboss", {"resize": "9x"}], "converts with OpenCV ", f", resize with Pillow {PIL.__version__}"),
    ],
)
def test_it_says_who_converts(engine: str, filter: Any, start: str, end: str) -> None:
    words = str(choose(engine, filter))

    assert words.startswith(start)
    assert words.endswith(end)
    assert words.count("with") == 1 + bool(end)


@with_opencv
def test_an_opencv_that_does_otherwise_than_pillow_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    right = cv2.filter2D
    monkeypatch.setattr(cv2, "filter2D", lambda *given, **named: right(*given, **named) // 2)
    problem = f"OpenCV {cv2.__version__} does not decode or filter a trial picture as Pillow does: {INSTALL}"

    assert str(choose("auto", "emboss")) == f"converts with Pillow {PIL.__version__}; {problem}"
    with pytest.raises(ValueError) as mistake:
        choose("opencv", "emboss")
    assert str(mistake.value) == problem


def test_another_engine_is_told_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r'^there is no engine "cuda"\. There are: auto, pillow, opencv$'):
        choose("cuda", "emboss")


def test_without_opencv_auto_is_pillow_and_says_what_is_faster(tmp_path: Path) -> None:
    done = without_opencv(tmp_path, "auto")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"converts with Pillow {PIL.__version__}; OpenCV would be faster: {INSTALL}"


def test_without_opencv_its_engine_exits_with_2_and_says_what_to_install(tmp_path: Path) -> None:
    done = without_opencv(tmp_path, "opencv")

    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == f"OpenCV cannot be used (No module named 'cv2'): {INSTALL}\n"


def without_opencv(folder: Path, engine: str) -> "subprocess.CompletedProcess[str]":
    """The converter of one frame where cv2 is a module that cannot be found."""
    (folder / "cv2.py").write_text("raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')\n")
    code = (
        "from bus import Message; from nodes.converter import converter\n"
        f"list(converter([], filter='emboss', folder={str(folder / 'out')!r}, engine={engine!r}))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
