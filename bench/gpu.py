"""Frames a second of the converter on a GPU beside the converter on a CPU, stage by stage.

    python -m bench.gpu                       # 720p and 1080p, batches of 1, 8, 32 and 128, 5 s each
    python -m bench.gpu --sizes=1280x720 --batches=1,8 --seconds=1 --json=figures.json

Every frame is a JPEG that is decoded, filtered and encoded again; reading and saving are left out. Moving it to the
device counts as decoding, moving it back as encoding; `CPU ms` is what a frame costs all processors. Prints a table,
and writes JSON where it is asked for.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
import PIL
import torch
from PIL import Image

from bus import Message, encode
from media.imaging.devices import choose
from media.imaging.filters import chain
from media.imaging.gpu import Gpu

QUALITY = 90
DIFFERENT = 8  # frames that are made; a batch repeats them
STAGES = ("decode", "filter", "encode")


def main() -> None:
    options = _options()
    device = choose(options.device, 1)
    gpu = Gpu(options.filter, device, options.jpeg)
    print(gpu)
    figures: list[dict[str, Any]] = []
    print(f"{'':24}{'frames/s':>10}" + "".join(f"{stage + '/s':>12}" for stage in STAGES) + f"{'CPU ms':>10}")
    for width, height in options.sizes:
        files = [encode(_picture(width, height, seed), "jpg", QUALITY) for seed in range(DIFFERENT)]
        rows = [("converter", 1, partial(_by_pillow, files, options.filter))]
        for batch in options.batches:
            group = [files[number % DIFFERENT] for number in range(batch)]
            rows.append(("torch_converter", batch, partial(_by_tensors, group, gpu)))
        for name, batch, once in rows:
            row = {"node": name, "size": f"{width}x{height}", "batch": batch, **_measured(once, options.seconds)}
            figures.append(row)
            title = f"{height}p {name.removesuffix('_converter')} {batch if name != 'converter' else ''}"
            rates = "".join(f"{row[f'{stage}_per_second']:12.1f}" for stage in STAGES)
            print(f"{title:24}{row['frames_per_second']:10.1f}{rates}{row['cpu_ms_per_frame']:10.1f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": _machine(device, gpu), "figures": figures}, indent=1) + "\n")


def _by_pillow(files: list[bytes], filter: Any) -> tuple[int, list[float]]:
    """How many frames, and the seconds that each stage took."""
    change, took = chain(filter), [0.0, 0.0, 0.0]
    for file in files:
        times = [time.perf_counter()]
        image = Message(file).image
        times.append(time.perf_counter())
        changed = change(image)
        times.append(time.perf_counter())
        encode(changed, "jpg", QUALITY)
        times.append(time.perf_counter())
        took = [total + end - start for total, (start, end) in zip(took, pairwise(times), strict=True)]
    return len(files), took


def _by_tensors(files: list[bytes], gpu: Gpu) -> tuple[int, list[float]]:
    """The same; what goes to the device and back counts as decoding and encoding."""
    times = [time.perf_counter()]
    pictures = gpu.decode([Message(file) for file in files])
    _finish(gpu)
    times.append(time.perf_counter())
    gpu.change(pictures)
    _finish(gpu)
    times.append(time.perf_counter())
    gpu.encode(pictures, QUALITY)
    gpu.fetch(pictures, images=False)
    for picture in pictures:
        if picture.jpeg is None and picture.image is not None:
            encode(picture.image, "jpg", QUALITY)
    times.append(time.perf_counter())
    if any(picture.error for picture in pictures):
        raise SystemExit(f"a frame was refused: {next(picture.error for picture in pictures if picture.error)}")
    return len(files), [end - start for start, end in pairwise(times)]


def _finish(gpu: Gpu) -> None:
    if gpu.device.type == "cuda":
        torch.cuda.synchronize(gpu.device)


def _measured(once: Callable[[], tuple[int, list[float]]], seconds: float) -> dict[str, float]:
    once()  # warms caches, and has libraries loaded
    frames, took, cpu = 0, [0.0, 0.0, 0.0], time.process_time()
    until = time.perf_counter() + seconds
    while not frames or time.perf_counter() < until:
        count, stages = once()
        frames += count
        took = [total + one for total, one in zip(took, stages, strict=True)]
    rates = {f"{stage}_per_second": round(frames / one, 1) for stage, one in zip(STAGES, took, strict=True)}
    cpu_ms = round((time.process_time() - cpu) * 1000 / frames, 1)
    return {"frames": frames, "frames_per_second": round(frames / sum(took), 1), **rates, "cpu_ms_per_frame": cpu_ms}


def _picture(width: int, height: int, seed: int) -> Image.Image:
    """Slopes with some noise: about as large, as a JPEG, as a frame of a camera."""
    random = numpy.random.default_rng(seed)
    slope = numpy.add.outer(numpy.arange(height) / height, numpy.arange(width) / width) * 100
    coarse = random.integers(0, 90, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)[:height, :width]
    pixels = slope[..., None] + coarse + random.integers(0, 12, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))


def _machine(device: torch.device, gpu: Gpu) -> dict[str, Any]:
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "says": str(gpu),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pillow": PIL.__version__,
    }


def _options() -> argparse.Namespace:
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=about)
    parser.add_argument("--sizes", type=_sizes, default="1280x720,1920x1080", metavar="WxH,…")
    parser.add_argument("--batches", type=_numbers, default="1,8,32,128", metavar="N,…")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row (default: 5)")
    parser.add_argument("--filter", default="emboss", help="the name of a filter (default: emboss)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--jpeg", default="auto", help="auto, torchvision or pillow")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go, too")
    return parser.parse_args()


def _sizes(text: str) -> list[tuple[int, int]]:
    return [(int(width), int(height)) for width, height in (size.split("x") for size in text.split(","))]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
