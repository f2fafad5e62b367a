"""Image files become frames, in the order in which people count: 2.png before 10.png."""

import glob
import re
import time
from pathlib import Path

from PIL import Image

from bus import Message, Undecodable
from media.sources.job import BadData, Job
from media.sources.video import USUAL_RATE, Frame, Opened, Promise, Selection, Steps

NUMBER = re.compile(r"([0-9]+)")


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The images that the job's pattern matches, from number `first` on, as if they were shown at the usual rate.

    Raises BadData, naming the first, if any could not be read; the others have been given then, and theirs is missing.
    """
    files, selection = matching(job), Selection(job, first, ends=True)
    broken: list[str] = []
    size: tuple[int, int] | None = None
    for index, file in enumerate(files):
        number = selection.number(index / USUAL_RATE)
        if number is None and size:
            yield None
        else:
            try:
                image = _image(file, job)
            except (Undecodable, OSError) as problem:
                broken.append(f"{file}: {problem}")
                yield None
            else:
                if size != image.size:
                    size = image.size
                    yield Opened(size, USUAL_RATE, Promise(len(files) / USUAL_RATE, USUAL_RATE).total(job), True)
                yield None if number is None else Frame(number, image, time.time_ns())
        if selection.full:
            break
    if broken:
        raise BadData(f"{len(broken)} of {len(files)} images of {job.shown} could not be read, the first {broken[0]}")


def matching(job: Job) -> list[Path]:
    """The files, in natural order."""
    if Path(job.source).is_file():  # a clip, or a recording
        return [Path(job.source)]
    names = glob.glob(job.source, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [Path(name) for name in sorted(names, key=_natural) if Path(name).is_file()]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers by their value and the rest as text."""
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in NUMBER.split(name)]


def _image(file: Path, job: Job) -> Image.Image:
    image = Message(file=file).image.convert("RGB")
    return image.resize(job.size) if job.size else image
