"""Change every frame as nodes.converter does, a batch at a time on a GPU, and save it, or push it on, or both.

    python -m nodes.torch_converter --filter=emboss --folder=converted …

Needs torch, and torchvision for JPEG on the GPU: pip install -r requirements-torch.txt. See docs/gpu.md.

Filters: blur contour detail edge_enhance edge_enhance_more emboss find_edges sharpen smooth smooth_more grayscale
invert equalize, and with a value: resize: 640x360 (or 640x, x360), rotate: 90 (clockwise), crop: 640x360+10+20.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from bus import Message, batches, replica, run, step, wired
from media.imaging.filters import chain
from media.saving.results import Results

INSTALL = "pip install -r requirements-torch.txt (tried: torch 2.5.1 and 2.14.1, torchvision 0.20.1 and 0.29.1)"


def torch_converter(
    frames: Iterable[Message],
    *,
    filter: str | list[Any] | dict[str, Any],
    folder: str = "",
    format: str = "jpg",
    quality: int = 90,
    sync: bool = True,
    by: str = "",
    retain: str = "",
    batch: int = 32,
    seconds: float = 0.05,
    device: str = "auto",
    jpeg: str = "auto",
) -> Iterator[Message]:
    """Yield every frame as `filter` changes it.

    filter: a name, or a chain like [grayscale, {resize: 640x360}]
    folder: where results are saved; without it they are only pushed on
    format: jpg, png or webp
    quality: 1 to 100, for jpg and webp
    sync: results are on the disk before their frames are finished; without, a power cut may take the latest
    by: folders for results: hour (YYYY-MM-DD/HH, UTC), stream, or stream/hour
    retain: delete the oldest results beyond a size, an age or a number: 20GB, 7d, 1000
    batch: frames that are converted at once, at most
    seconds: how long the first frame of a batch waits for the others
    device: auto (a GPU, each replica its own, or else the CPU), cpu, cuda, or cuda:N
    jpeg: auto (on a GPU by torchvision, on a CPU by pillow), torchvision or pillow (exactly as nodes.converter)
    """
    try:
        chain(filter)
        if batch < 1 or not 0 <= seconds < 60:
            raise ValueError(f"batch is {batch} and seconds {seconds}, but go from 1, and from 0 to below 60")
        gpu = _gpu(filter, device, jpeg)
        results = Results(folder, format=format, quality=quality, sync=sync, by=by, retain=retain) if folder else None
    except ValueError as mistake:
        print(mistake)
        raise SystemExit(2) from None
    if not results and not wired():
        print("the converter would keep nothing: give it a folder to save in, or a wire to push")
        raise SystemExit(2)
    print(gpu)
    as_jpeg = results is not None and format == "jpg"

    for group in batches(frames, batch, seconds):
        try:
            with step("process"):
                pictures = gpu.convert(group, quality if as_jpeg else None, images=wired() or not as_jpeg)
        except RuntimeError as error:
            if gpu.works:
                raise
            print(f"{gpu.device} has failed, and only a new process can use it again: {error}")
            raise SystemExit(1) from None
        for picture in pictures:
            try:
                if picture.error:
                    raise picture.error
                if results:
                    results.add(picture.frame, picture.jpeg or picture.image)
            except ValueError as never:
                picture.frame.reject(str(never))
                continue
            if wired():
                yield picture.frame.replace(picture.image)
        if results:
            results.commit()


def _gpu(filter: str | list[Any] | dict[str, Any], device: str, jpeg: str) -> Any:
    """The device and what is to be done on it. Raises ValueError, also where torch is missing."""
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: a library that it was built with is missing
        words = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"nodes.torch_converter needs torch, which cannot be used ({words}): {INSTALL}") from None
    from media.imaging.devices import choose
    from media.imaging.gpu import Gpu

    return Gpu(filter, choose(device, replica()), jpeg)


if __name__ == "__main__":
    run(torch_converter)
