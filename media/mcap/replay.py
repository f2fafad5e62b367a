"""Recordings become frames again: each once, in the order of capture, as fast as may be or at the speed of then."""

import importlib.util
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from PIL import Image

from bus import Message, idle
from media.imaging.plain import plain
from media.mcap import foxglove
from media.mcap.recorded import Recorded, Shot
from media.mcap.recording import INSTALL
from media.sources.images import matching
from media.sources.job import BadData, Job
from media.sources.source import WrongArgument
from media.sources.video import BEAT, Frame, Opened, Promise, Selection, Steps


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The frames of one stream in the job's recordings, from number `first` on, captured when they were.

    Raises WrongArgument where it is not known which stream. Raises BadData, when all else has been given, if a file is
    damaged, or if images could not be read.
    """
    if importlib.util.find_spec("mcap") is None:
        raise WrongArgument(f"source: recordings need mcap, which is not installed: {INSTALL}")
    with closing(Recorded(matching(job))) as recorded:
        yield from recorded.scan()
        shots = _shots(recorded, job)
        yield from _frames(recorded, shots, job, first)
        if recorded.damage:
            raise BadData(f"{'; '.join(recorded.damage)}; what comes before that is read")


def _frames(recorded: Recorded, shots: list[Shot], job: Job, first: int) -> Steps:
    began = shots[0].captured
    seconds = (shots[-1].captured - began) / 1e9
    rate = round((len(shots) - 1) / seconds, 3) if seconds else 0.0
    total = Promise(seconds + 1 / rate, rate).total(job) if job.rate and rate else len(shots)
    selection, pace = Selection(job, first, ends=True), Pace(job.real)
    size: tuple[int, int] | None = None
    broken: list[str] = []
    for shot in shots:
        number = selection.number((shot.captured - began) / 1e9)
        if number is None and size:
            yield None
            continue
        if number is not None:
            yield from pace.until(shot.captured)
        try:
            picture, own = _picture(recorded.read(shot), job)
        except ValueError as problem:
            broken.append(f"that of frame {shot.number}: {problem}")
            yield None
            continue
        if size != own:
            size = own
            yield Opened(size, rate, min(total, job.limit or total), True)
        yield None if number is None else Frame(number, picture, shot.captured)
        if selection.full:
            break
    if broken:
        raise BadData(f"{len(broken)} of {len(shots)} images of {job.shown} could not be read, the first {broken[0]}")


class Pace:
    """Makes frames come as far apart as they were captured, if that is asked for; late ones come at once."""

    def __init__(self, real: bool) -> None:
        self._real = real
        self._offset: float | None = None  # seconds from the time of capture to ours

    def until(self, captured: int) -> Iterator[None]:
        """Wait until the frame is due; gives way every BEAT seconds."""
        if not self._real:
            return
        if self._offset is None:
            self._offset = time.monotonic() - captured / 1e9
        while (left := captured / 1e9 + self._offset - time.monotonic()) > 0:
            with idle():
                time.sleep(min(left, BEAT))
            if left > BEAT:
                yield None


def _shots(recorded: Recorded, job: Job) -> list[Shot]:
    """Those of the stream that is asked for, if there are several. Raises WrongArgument and BadData."""
    streams = {name: shots for name, shots in recorded.streams.items() if shots}
    if not streams:
        others = f", only {', '.join(sorted(recorded.others))}" if recorded.others else ""
        reason = "; ".join(recorded.damage) or f"it holds no {foxglove.NAME} as {foxglove.ENCODING}{others}"
        raise BadData(f"cannot read {job.shown}: {reason}")
    if len(streams) > 1 and job.stream not in streams:
        names = ", ".join(sorted(streams))
        raise WrongArgument(f"stream: {job.shown} holds several: give stream: one of {names}")
    if recorded.cut:
        print(f"{', '.join(recorded.cut)}: has no end, as if its recorder was killed: is read as far as it goes")
    if recorded.repeated:
        print(f"{job.shown}: leaves out {recorded.repeated} that were recorded again, as their frames were redelivered")
    return streams[job.stream] if len(streams) > 1 else next(iter(streams.values()))


def _picture(recorded: foxglove.Picture, job: Job) -> tuple[Image.Image | bytes, tuple[int, int]]:
    """What a frame carries, a JPEG as it was recorded, and its size in pixels. Raises Undecodable."""
    found = plain(recorded.content)
    if found and not job.size:
        return recorded.content, (found.width, found.height)
    image = Message(recorded.content).image
    if recorded.format == "jpeg" and not job.size:
        return recorded.content, image.size
    image = image.convert("RGB")
    image = image.resize(job.size) if job.size else image
    return image, image.size
