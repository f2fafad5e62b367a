"""The converter on a GPU equals the converter on a CPU; what needs torch is skipped without it, as in CI.

    pip install -r requirements-torch.txt
    python -m pytest -n0 tests/nodes/test_torch_converter.py tests/test_devices.py tests/test_jpegs.py

runs all of it. Where there is no GPU the same arithmetic runs on the CPU, and torchvision's JPEG code too.
"""

import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bus import Message, encode
from media.imaging.filters import NAMES
from nodes.converter import converter
from nodes.torch_converter import torch_converter
from tests.conftest import until
from tests.corpus import TABLE
from tests.launch import Launch, files
from tests.torched import BANDS, picture, torch, with_torch

SIZES = ((64, 48), (63, 37), (1, 1), (1, 9), (9, 1), (2, 2), (4, 3), (5, 5))
VALUES: dict[str, list[Any]] = {
    "resize": ["20x30", "100x", "x7", "1x1", "3x200", "64x48"],
    "rotate": [0, 90, 180, -90, 30, -12.5, 450.5],
    "crop": ["1x1+0+0"],
}
FILTERS = [filter for name in NAMES for filter in ([{name: v} for v in VALUES[name]] if name in VALUES else [name])]


def both(images: list[Any], **arguments: Any) -> tuple[list[Message], list[Message]]:
    """The same messages, as the converter has left them and as the one for a GPU has; `data` says what came out."""
    own = {name: arguments.pop(name) for name in ("batch", "seconds", "device", "jpeg") if name in arguments}
    left, right = ([Message(image, name=f"{n}.jpg") for n, image in enumerate(images)] for _ in range(2))
    for frames, out in (
        (left, converter(left, **arguments)),
        (right, torch_converter(right, **arguments, **own)),
    ):
        results = {frame.name: frame for frame in out}
        for frame in frames:
            frame.data = {"result": results.get(frame.name)}
    return left, right


def check_equal(left: list[Message], right: list[Message], tolerance: int = 0) -> None:
    for one, other in zip(left, right, strict=True):
        assert other.reason == one.reason
        wanted, found = one.data["result"], other.data["result"]
        assert (found is None) == (wanted is None)
        if wanted is not None:
            assert (found.image.mode, found.image.size) == (wanted.image.mode, wanted.image.size), one
            off = np.abs(np.asarray(wanted.image, dtype=int) - np.asarray(found.image, dtype=int)).max(initial=0)
            assert off <= tolerance, (one, off)


@functools.cache
def corpus() -> list[bytes]:
    """The files of the corpus that are made fast, and read fast."""
    slow = re.compile("bomb|comments|rows|runs|segments|more pixels|overlapping|a hundred")
    return [case.make() for case in TABLE if not case.size and not slow.search(case.name)]


# ---- without torch


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"filter": "embos"}, 'unknown filter "embos". Did you mean "emboss"? There are: blur, contour, '),
        ({"filter": "emboss", "batch": 0}, "batch is 0 and seconds 0.05, but go from 1, "),
        pytest.param(
            {"filter": "emboss", "device": "gpu"}, 'there is no device "gpu": write auto, cpu, ', marks=with_torch
        ),
        pytest.param(
            {"filter": "emboss", "device": "cuda:999"}, "there is no device cuda:999: torch sees ", marks=with_torch
        ),
        pytest.param({"filter": "emboss", "jpeg": "fast"}, 'there is no jpeg "fast": write auto, ', marks=with_torch),
        pytest.param(
            {"filter": "emboss", "folder": "results", "format": "gif"},
            'cannot write format "gif". There are: jpg, png, webp\n',
            marks=with_torch,
        ),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    arguments: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        list(torch_converter([], **arguments))

    assert exit.value.code == 2
    line = capsys.readouterr().out
    assert line.startswith(words)
    assert line.count("\n") == 1


# ---- with torch, on a GPU where there is one


@with_torch
@pytest.mark.parametrize("filter", FILTERS, ids=str)
def test_every_filter_equals_the_converters(filter: str | dict[str, Any]) -> None:
    images = [picture(mode, size) for mode in BANDS for size in SIZES]
    # Pillow's compiler joins products and sums on some processors, and a GPU does.
    left, right = both(images, filter=filter, jpeg="pillow")

    check_equal(left, right, tolerance=1)
    assert not [frame for frame in left if frame.reason]


@with_torch
def test_what_has_no_rounding_is_the_same_to_the_bit() -> None:
    for filter in ("blur", "emboss", "smooth", "grayscale", "invert", "equalize", {"resize": "31x77"}):
        check_equal(*both([picture(mode, size) for mode in BANDS for size in SIZES], filter=filter, jpeg="pillow"))


@with_torch
def test_a_flat_image_is_equalized_like_pillow_does() -> None:
    images = [Image.new(mode, size, 77) for mode in ("L", "RGB") for size in ((1, 1), (30, 20), (400, 300))]

    check_equal(*both(images, filter="equalize"))


@with_torch
@pytest.mark.parametrize("jpeg", ["pillow", "torchvision"])
def test_every_file_that_the_converter_reads_or_refuses(jpeg: str) -> None:
    contents = corpus()
    left, right = both(contents, filter=["grayscale", "emboss"], jpeg=jpeg)

    # What decodes JPEG decides more than a level: here it is the same library in another version.
    check_equal(left, right, tolerance=0 if jpeg == "pillow" else 8)
    assert len([frame for frame in left if frame.reason]) > 40
    assert len([frame for frame in left if not frame.reason]) > 40


@with_torch
@pytest.mark.parametrize("jpeg", ["pillow", "torchvision"])
def test_a_broken_frame_in_a_batch_is_rejected_alone(jpeg: str, tmp_path: Path) -> None:
    good = encode(picture())
    images = [
        good,
        b"no image",
        good[: len(good) // 2],
        good[:-400] + good[-200:],
        encode(Image.new("L", (9, 9))),
        good,
    ]

    left, right = both(images, filter={"crop": "20x20+0+0"}, jpeg=jpeg, batch=6)

    assert [frame.reason for frame in right] == [frame.reason for frame in left]
    assert [bool(frame.reason) for frame in right] == [False, True, True, False, True, False]
    assert right[4].reason == "cannot crop 20x20+0+0 from an image of 9x9"


@with_torch
@pytest.mark.parametrize("jpeg", ["pillow", "torchvision"])
@pytest.mark.parametrize("format", ["jpg", "png", "webp"])
def test_files_of_every_format_are_saved_under_the_same_names(format: str, jpeg: str, tmp_path: Path) -> None:
    images = [encode(picture(size=size), "png") for size in SIZES] + [
        encode(picture("L")),
        encode(picture("RGBA"), "png"),
    ]
    for function, folder, own in ((converter, "cpu", {}), (torch_converter, "gpu", {"jpeg": jpeg, "batch": 3})):
        frames = [Message(image, name=f"cam/{n}.png") for n, image in enumerate([*images, b"no image"])]
        frames += [Message(images[0], name="../up.png")]
        list(function(frames, filter="sharpen", folder=str(tmp_path / folder), format=format, **own))  # type: ignore[arg-type]
        assert [frame.name for frame in frames if frame.reason] == [f"cam/{len(images)}.png", "../up.png"]

    names = files(tmp_path / "cpu")
    assert files(tmp_path / "gpu") == names
    for name in names:
        with Image.open(tmp_path / "cpu" / name) as left, Image.open(tmp_path / "gpu" / name) as right:
            assert (left.format, left.mode, left.size) == (right.format, right.mode, right.size)
            off = np.abs(np.asarray(left, dtype=int) - np.asarray(right, dtype=int)).max()
            assert off <= (0 if jpeg == "pillow" or format != "jpg" else 8), name


@with_torch
def test_batches_are_cut_by_size_and_keep_their_order(tmp_path: Path) -> None:
    images = [picture(size=SIZES[n % 3]) for n in range(20)]
    frames = [Message(image, name=f"{n}.jpg", number=n) for n, image in enumerate(images)]

    out = list(torch_converter(frames, filter="invert", batch=7))

    assert [frame.number for frame in out] == [*range(20)]
    assert [frame.image.size for frame in out] == [image.size for image in images]


@with_torch
def test_a_device_without_memory_does_half_of_a_batch_at_a_time_and_one_frame_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from media.imaging.gpu import Gpu

    gpu = Gpu("emboss", torch.device("cpu"))
    most = 2
    fits, tensors = [], gpu._tensors

    def small(batch: Any) -> Any:
        if len(batch) > most:
            raise torch.OutOfMemoryError("out of memory")
        fits.append(len(batch))
        return tensors(batch)

    monkeypatch.setattr(gpu, "_tensors", small)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    frames = [Message(picture(), name=f"{n}.jpg") for n in range(8)]
    whole = gpu.convert(frames, None, True)
    assert [picture.frame for picture in whole] == frames
    assert fits == [2, 2, 2, 2]

    most = 0
    [alone] = gpu.convert(frames[:1], None, True)
    assert alone.image is not None
    assert whole[0].image is not None
    assert alone.image.tobytes() == whole[0].image.tobytes()
    assert capsys.readouterr().out == "too little memory on cpu for <message 0.jpg>: converted on the CPU\n"


@with_torch
def test_a_gpu_that_has_failed_takes_a_new_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import media.imaging.gpu

    def fails(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(media.imaging.gpu.Gpu, "change", fails)
    with pytest.raises(RuntimeError):  # the device still computes: a fault of this batch
        list(torch_converter([Message(picture())], filter="emboss"))

    monkeypatch.setattr(media.imaging.gpu, "works", lambda device: False)
    with pytest.raises(SystemExit) as exit:
        list(torch_converter([Message(picture())], filter="emboss"))
    assert exit.value.code == 1
    assert "only a new process can use it again" in capsys.readouterr().out


@with_torch
def test_a_gpu_that_fails_at_the_start_is_laid_to_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch, "zeros", fails)
    frames = iter([Message(picture())])
    with pytest.raises(RuntimeError):
        list(torch_converter(frames, filter="emboss"))
    assert next(frames)


@with_torch
def test_a_graph_of_replicas_converts_every_frame(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(24):
        picture(size=SIZES[number % 2]).save(tmp_path / "photos" / f"{number}.jpg")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no image")
    watcher = {"run": "nodes.watcher", "push": "frames", "args": {"folder": "photos"}}
    args = {"filter": "emboss", "folder": "out", "batch": 8}
    gpu = {"run": "nodes.torch_converter", "pull": "frames", "args": args, "replicas": 2}
    (tmp_path / "graph.yaml").write_text(json.dumps({"nodes": {"watcher": watcher, "gpu": gpu}}))

    with Launch(tmp_path) as launch:
        launch.says("converts on ")
        until(lambda: len(files(tmp_path / "out")) == 24)
        launch.interrupt()
        assert launch.ends() == 0

    assert (tmp_path / "photos" / "dead-letters" / "broken.jpg").exists()
