"""Split a source into frames: files in a folder, or messages on the wire.

A source is a clip, images, the test camera, or live: a stream, a camera, a pipeline of GStreamer's (docs/sources.md).
A clip that was stopped, killed or cut off from power goes on where it was when it is started again: a hidden mark
beside its frames keeps the place. A clip that was split to its end is split afresh by the next run, unless some of its
frames wait: that run finishes those alone. A live source is opened again whenever it breaks off, and goes on with what
comes then. Without a folder there is no mark, and a clip begins anew.
"""

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from PIL import Image

from bus import Message, encode, finished, progress, run, show, wait, wired
from media.delivery.frames import FrameFolder
from media.sources.job import OWN_ENGINES, BadData, Job
from media.sources.live import Engine, reopened
from media.sources.losses import Losses
from media.sources.source import WrongArgument
from media.sources.video import Dropped, Frame, Opened, Steps
from media.sources.worker import WorkerDied

if TYPE_CHECKING:
    import numpy

SOON = 0.002  # seconds: a frame that comes within these lay there already, and so may the next
TOGETHER = 0.05  # seconds for which frames of a clip that is read as fast as it goes may wait for others
MOMENT = 0.25  # seconds that a live source waits at most until it is known: half of those that its frames may lag
PAUSE = 0.02  # seconds between two looks at whether it is

ENGINES = {
    "camera": "media.sources.camera",
    "images": "media.sources.images",
    "recording": "media.mcap.replay",
    "av": "media.decoding.pyav",
    "gstreamer": "media.decoding.gstreamer",
}


def splitter(
    *,
    source: str,
    folder: str = "",
    engine: str = "auto",
    rate: float = 0.0,
    size: str = "",
    quality: int = 90,
    limit: int = 0,
    stream: str = "",
    budget: str = "",
    patience: float = 20.0,
    reopen: bool = True,
    pace: str = "",
) -> Iterator[Message | None]:
    """Read the source to its end; a live one for ever.

    source: test, test:forever, a clip, recording.mcap, "images/*.png", rtsp, http(s), srt, udp://…, /dev/video0, gst: …
    folder: where frames are written, as JPEG; without it they go down the wire as they are
    engine: auto, av (PyAV) or gstreamer (gst-launch-1.0)
    rate: frames a second at most, by the time at which they are shown; 0 for all
    size: width and height that frames are scaled to, such as 640x360; empty for as they are
    quality: of the JPEG files, 1 to 100
    limit: stop after so many frames; 0 for all
    stream: what the frames are named after; by default the clip's name without its suffix, or this node's name
    budget: what may wait in the folder, such as 2GB, or 5000 (files); by default a fifth of the disk's free space
    patience: seconds without a frame after which the source counts as hanging
    pace: real plays a recording as fast as it was captured; without, as fast as its frames are taken
    reopen: open a live source again whenever it ends or breaks off; without, its end is the end
    """
    try:
        job = Job.checked(
            source, engine=engine, rate=rate, size=size, quality=quality, limit=limit, stream=stream,
            patience=patience, reopen=reopen, pace=pace,
        )  # fmt: skip
        if folder:
            yield from into_folder(job, Path(folder), budget)
        elif wired():
            yield from onto_wire(job)
        else:
            raise WrongArgument("folder: frames have nowhere to go: give a folder, or a wire to push to")
    except (WrongArgument, BadData) as problem:
        print(problem)
        raise SystemExit(problem.code) from None


def into_folder(job: Job, folder: Path, budget: str) -> Iterator[Message | None]:
    """Each frame becomes a file. The wire gets messages that say what was opened, and by closing the end."""
    with FrameFolder(folder, job, budget) as spool, closing(Losses(job)) as losses:
        yield from spool.settle()
        if spool.complete:
            print(f"{job.title} is split already, writes nothing")
            if spool.facts:  # its frames wait, and the watcher may have lost what it was told
                yield told(job, spool.facts, folder)
            if spool.trouble:
                raise BadData(spool.trouble)
            return
        with closing(reopened(engine_of(job), job, spool.next, spool.workspace)) as video:
            opened = yield from opening(job, video, losses, spool.next)
            spool.live, spool.facts, made = not opened.ends, facts(job, opened), spool.next
            yield told(job, spool.facts, folder)
            known(spool.live)
            together = TOGETHER if opened.ends and job.engine != "camera" and not job.real else 0.0
            try:
                asked = monotonic()
                for step in video:
                    if isinstance(step, Frame):
                        more = monotonic() - asked < SOON or spool.held < together
                        body = jpeg(step, job)
                        show(message(step, body, job))
                        refused = spool.place(step.number, body, more)
                        made += 1
                    else:
                        refused = spool.flush()
                    losses.note(refused)
                    made -= refused.frames if refused else 0
                    if isinstance(step, Frame):
                        progress(made, opened.total)
                    elif isinstance(step, Opened) and changed(job, opened, step):
                        opened, spool.facts = step, facts(job, step)
                        yield told(job, spool.facts, folder)
                    elif isinstance(step, Dropped):
                        losses.note(step)
                    yield None
                    asked = monotonic()
            except WorkerDied:
                raise  # what could not be read in this life may be read in the next
            except BadData as problem:
                spool.end(str(problem))  # all that can be read is in place
                raise
        spool.end()
        print(f"{job.title} has ended, {made} frames")


def onto_wire(job: Job) -> Iterator[Message | None]:
    """Each frame becomes a message. Nothing is journalled: a splitter that is killed starts a clip again."""
    with closing(reopened(engine_of(job), job, 0, None)) as video, closing(Losses(job)) as losses:
        opened = yield from opening(job, video, losses, 0)
        made = 0
        for step in video:
            if isinstance(step, Frame):
                picture = step.picture.read_bytes() if isinstance(step.picture, Path) else step.picture
                yield message(step, picture, job).replace(data=facts(job, opened))
                made += 1
                progress(step.number + 1, opened.total)
                continue
            if isinstance(step, Opened) and changed(job, opened, step):
                opened = step
            elif isinstance(step, Dropped):
                losses.note(step)
            yield None
    print(f"{job.title} has ended, {made} frames")


def engine_of(job: Job) -> Engine:
    """What reads the source; the others are not imported."""
    frames: Engine = import_module(ENGINES[job.engine]).frames
    return frames


def opening(job: Job, video: Steps, losses: Losses, first: int) -> Generator[None, None, Opened]:
    """Wait until the source is open, and say what it is."""
    for step in video:
        if isinstance(step, Opened):
            many = f"{step.total} frames" if step.total else "frames"
            onward = f", from frame {first} on" if first else ""
            how = "" if job.engine in OWN_ENGINES else f" with {job.engine}"
            print(f"reads {job.title}{how}: {many} of {step.size[0]}x{step.size[1]}{onward}")
            return step
        if isinstance(step, Dropped):
            losses.note(step)
        yield None
    raise BadData(f"cannot read {job.shown}: there is nothing in it")


def message(frame: Frame, body: "bytes | Image.Image | numpy.ndarray[Any, Any] | Path", job: Job) -> Message:
    """The frame with what it carries: bytes, pixels, or a file."""
    return Message(
        None if isinstance(body, Path) else body,
        file=body if isinstance(body, Path) else None,
        stream=job.stream,
        number=frame.number,
        name=job.name(frame.number),
        captured=frame.captured,
    )


def changed(job: Job, before: Opened, now: Opened) -> bool:
    """Whether the source is not what it was: in mid-stream, or after it was opened again. Says it."""
    if now.size != before.size:
        was = "{}x{}".format(*before.size)
        print(f"{job.title}: its frames are {now.size[0]}x{now.size[1]} from here on, they were {was}")
    return now != before


def told(job: Job, known: dict[str, Any], folder: Path) -> Message:
    """What the watcher is to know of the frames that come now."""
    return Message(stream=job.stream, data={**known, "folder": str(folder.resolve())})


def known(live: bool) -> None:
    """Wait until the watcher knows whose the frames are that come now: what it sends on before goes by no stream."""
    patience = time.monotonic() + (MOMENT if live else math.inf)
    while not finished() and time.monotonic() < patience:
        wait("waits until the watcher knows what was opened", PAUSE)


def facts(job: Job, opened: Opened) -> dict[str, Any]:
    """What is known of all frames of the source: size in pixels, rate in frames a second (0: unknown)."""
    return {"source": job.shown, "engine": job.engine, "size": list(opened.size), "rate": opened.rate}


def jpeg(frame: Frame, job: Job) -> bytes | Path:
    """The frame as the content of a file, or as the file that it is already."""
    picture = frame.picture
    if isinstance(picture, bytes | Path):
        return picture
    return encode(picture if isinstance(picture, Image.Image) else Image.fromarray(picture), "jpg", job.quality)


if __name__ == "__main__":
    run(splitter)
