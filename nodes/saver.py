"""Save every frame: encoded images as they came, raw pixels as jpg, all as one format if that is asked for.

python -m nodes.saver --folder=saved …
"""

from collections.abc import Iterable

from bus import Message, batches, run
from media.saving.results import GROUP, Results


def saver(
    frames: Iterable[Message],
    *,
    folder: str,
    format: str = "",
    quality: int = 90,
    sync: bool = True,
    by: str = "",
    retain: str = "",
) -> None:
    """Save every frame in `folder`.

    folder: where frames are saved
    format: jpg, png or webp; without it encoded images stay as they are
    quality: 1 to 100, for jpg and webp
    sync: frames are on the disk before they are finished; without, a power cut may take the latest
    by: folders for frames: hour (YYYY-MM-DD/HH, UTC), stream, or stream/hour
    retain: delete the oldest frames beyond a size, an age or a number: 20GB, 7d, 1000
    """
    try:
        results = Results(folder, format=format, quality=quality, sync=sync, by=by, retain=retain)
    except ValueError as mistake:
        print(mistake)
        raise SystemExit(2) from None

    for batch in batches(frames, GROUP):
        for frame in batch:
            try:
                results.add(frame)
            except ValueError as never:
                frame.reject(str(never))
        results.commit()


if __name__ == "__main__":
    run(saver)
