"""A custom sink: one file for each frame, that says what it shows and who has had it in hand."""

import json
from collections.abc import Iterable
from pathlib import Path

from PIL import ImageOps

from bus import Message, run
from tests.chaos import pictures


def keeper(frames: Iterable[Message], *, folder: str) -> None:
    place = Path(folder)
    place.mkdir(exist_ok=True)
    for frame in frames:
        plain, inverted = pictures.read(frame.image), pictures.read(ImageOps.invert(frame.image.convert("RGB")))
        shown = plain or inverted
        labels = {place: frame.data.get(place) for place in ("a", "b")}
        record = {"number": shown and shown[1], "filter": "invert" if inverted else "none", **labels}
        fresh = place / f".{frame.name}.partial"
        fresh.write_text(json.dumps(record))
        fresh.rename(place / f"{frame.name}.json")


if __name__ == "__main__":
    run(keeper)
