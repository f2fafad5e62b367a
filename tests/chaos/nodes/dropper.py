"""Drop pictures into a folder, as a camera uploads them: some written in place, some renamed into place."""

from collections.abc import Iterator
from pathlib import Path

from bus import progress, run, wait
from tests.chaos.pictures import draw

STREAM = 1  # in the pictures
PAUSE = 0.1  # seconds between two looks at what waits


def dropper(*, folder: str, frames: int, most: int) -> Iterator[None]:
    """Go on after the last one that an earlier life is known to have dropped; one may be dropped a second time.

    frames: how many in all
    most: how many may wait in the folder
    """
    come = Path(folder).with_suffix(".dropped")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number in range(int(come.read_text()) if come.exists() else 0, frames):
        while len([*Path(folder).rglob("*.jpg")]) > most:
            wait("waits until there are fewer", PAUSE)
            yield None
        place = Path(folder, f"drop-{number:08d}.jpg")
        if number % 2:
            draw(STREAM, number).save(place, quality=90)
        else:
            draw(STREAM, number).save(place.with_suffix(".part"), "JPEG", quality=90)
            place.with_suffix(".part").rename(place)
        fresh = come.with_suffix(".new")
        fresh.write_text(str(number + 1))
        fresh.rename(come)
        progress(number + 1, frames)  # lives that get on are started again at once
        yield None


if __name__ == "__main__":
    run(dropper)
