"""Record every frame in MCAP files, which Foxglove and Rerun show, and which `nodes.splitter` plays again.

    python -m nodes.recorder --folder=recordings …

Needs mcap: pip install -r requirements-recording.txt
"""

from collections.abc import Iterable
from typing import Any

from bus import Message, batches, called, run
from media.mcap.recordings import Recordings

GROUP = 32  # frames that share an fsync, where so many are there: it takes longer than to write them


def recorder(frames: Iterable[Message], *, folder: str, rotate: str | list[Any] = "1GB", quality: int = 90) -> None:
    """Record every frame in `folder`, a channel for each stream.

    folder: where recordings are written, named after this node and the time of their start
    rotate: when the next file begins: a size such as 1GB, an age such as 1h, or both: [1GB, 1h]
    quality: of the JPEG that pixels are recorded as, 1 to 100; images that are encoded stay as they are
    """
    try:
        recordings = Recordings(folder, called(), rotate, quality)
    except ValueError as mistake:
        print(mistake)
        raise SystemExit(2) from None

    try:
        for batch in batches(frames, GROUP):
            for frame in batch:
                try:
                    recordings.add(frame)
                except ValueError as never:
                    frame.reject(str(never))
            recordings.commit()
    finally:
        recordings.close()


if __name__ == "__main__":
    run(recorder)
