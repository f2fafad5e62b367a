"""Change every frame with a named filter, or a chain of them, and save it, or push it on, or both.

    python -m nodes.converter --filter=emboss --folder=converted …

Filters: blur contour detail edge_enhance edge_enhance_more emboss find_edges sharpen smooth smooth_more grayscale
invert equalize, and with a value: resize: 640x360 (or 640x, x360), rotate: 90 (clockwise), crop: 640x360+10+20.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from bus import Message, batches, run, step, wired
from media.imaging.engines import choose
from media.saving.results import GROUP, Results


def converter(
    frames: Iterable[Message],
    *,
    filter: str | list[Any] | dict[str, Any],
    folder: str = "",
    format: str = "jpg",
    quality: int = 90,
    sync: bool = True,
    by: str = "",
    retain: str = "",
    engine: str = "auto",
) -> Iterator[Message]:
    """Yield every frame as `filter` changes it.

    filter: a name, or a chain like [grayscale, {resize: 640x360}]
    folder: where results are saved; without it they are only pushed on
    format: jpg, png or webp
    quality: 1 to 100, for jpg and webp
    sync: results are on the disk before their frames are finished; without, a power cut may take the latest
    by: folders for results: hour (YYYY-MM-DD/HH, UTC), stream, or stream/hour
    retain: delete the oldest results beyond a size, an age or a number: 20GB, 7d, 1000
    engine: opencv, pillow, or auto: OpenCV where it is installed and faster; results differ by one grey level at most
    """
    try:
        work = choose(engine, filter)
        results = Results(folder, format=format, quality=quality, sync=sync, by=by, retain=retain) if folder else None
    except ValueError as mistake:
        print(mistake)
        raise SystemExit(2) from None
    if not results and not wired():
        print("the converter would keep nothing: give it a folder to save in, or a wire to push")
        raise SystemExit(2)
    print(work)

    for batch in batches(frames, GROUP):
        for frame in batch:
            try:
                with step("process"):
                    picture = work.convert(frame)
                frame.forget_image()  # its memory is warm: the next frame gets it
                if results:
                    results.add(frame, picture.content(format, quality))
            except ValueError as never:
                frame.reject(str(never))
                continue
            if wired():
                yield frame.replace(picture.payload)
        if results:
            results.commit()


if __name__ == "__main__":
    run(converter)
