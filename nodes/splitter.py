"""Split a clip, a stream or the test camera into frames: files in a folder, or messages on the wire.

A clip that was stopped or killed goes on where it was when it is started again: a hidden mark beside its frames keeps
the place. A clip that was split to its end is split afresh, once its earlier frames have left the folder. A live source
goes on with what comes then. Without a folder there is no mark, and a clip begins anew.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bus import Message, encode, progress, run, wired
from media import camera, decoder, gstreamer
from media.frames import FrameFolder
from media.job import BadData, Job, WrongArgument
from media.video import Frame, Opened, Steps

ENGINES = {"camera": camera.frames, "av": decoder.frames, "gstreamer": gstreamer.frames}


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
) -> Iterator[Message | None]:
    """Read the source to its end.

    source: test (half a minute of a test camera), test:forever, a clip's path, or an http stream's address
    folder: where frames are written, as JPEG; without it they go down the wire as they are
    engine: auto, av (PyAV) or gstreamer (gst-launch-1.0)
    rate: frames a second at most, by the time at which they are shown; 0 for all
    size: width and height that frames are scaled to, such as 640x360; empty for as they are
    quality: of the JPEG files, 1 to 100
    limit: stop after so many frames; 0 for all
    stream: what the frames are named after; by default the clip's name without its suffix
    """
    try:
        job = Job.checked(source, engine=engine, rate=rate, size=size, quality=quality, limit=limit, stream=stream)
        if folder:
            yield from into_folder(job, Path(folder))
        elif wired():
            yield from onto_wire(job)
        else:
            raise WrongArgument("folder: frames have nowhere to go: give a folder, or a wire to push to")
    except (WrongArgument, BadData) as problem:
        print(problem)
        raise SystemExit(problem.code) from None


def into_folder(job: Job, folder: Path) -> Iterator[Message | None]:
    """Each frame becomes a file. The wire gets one message, which says what was opened, and by closing the end."""
    with FrameFolder(folder, job) as spool:
        yield from spool.settle()
        if spool.complete:
            print(f"{title(job)} is split already, writes nothing")
            return
        with closing(ENGINES[job.engine](job, spool.next, spool.workspace)) as video:
            opened = yield from opening(job, video, spool.next)
            yield Message(stream=job.stream, data={**facts(job, opened), "folder": str(folder.resolve())})
            try:
                for step in video:
                    if isinstance(step, Frame):
                        spool.place(step.number, jpeg(step, job))
                        progress(spool.next, opened.total)
                    yield None
            except BadData:
                spool.end()  # all that can be read is in place
                raise
        spool.end()
        print(f"{title(job)} has ended, {spool.next} frames")


def onto_wire(job: Job) -> Iterator[Message | None]:
    """Each frame becomes a message. Nothing is journalled: a splitter that is killed starts a clip again."""
    with closing(ENGINES[job.engine](job, 0, None)) as video:
        opened = yield from opening(job, video, 0)
        made = 0
        for step in video:
            if isinstance(step, Frame):
                yield Message(
                    step.picture.read_bytes() if isinstance(step.picture, Path) else step.picture,
                    stream=job.stream,
                    number=step.number,
                    name=job.name(step.number),
                    captured=step.captured,
                    data=facts(job, opened),
                )
                made = step.number + 1
                progress(made, opened.total)
            else:
                yield None
    print(f"{title(job)} has ended, {made} frames")


def opening(job: Job, video: Steps, first: int) -> Generator[None, None, Opened]:
    """Wait until the source is open, and say what it is."""
    for step in video:
        if isinstance(step, Opened):
            many = f"{step.total} frames" if step.total else "frames"
            onward = f", from frame {first} on" if first else ""
            how = "" if job.kind == "camera" else f" with {job.engine}"
            print(f"reads {title(job)}{how}: {many} of {step.size[0]}x{step.size[1]}{onward}")
            return step
        yield None
    raise BadData(f"cannot read {job.shown}: there is nothing in it")


def title(job: Job) -> str:
    """What the log calls the source."""
    return "the test camera" if job.kind == "camera" else job.shown


def facts(job: Job, opened: Opened) -> dict[str, Any]:
    """What is known of all frames of the source: size in pixels, rate in frames a second (0: unknown)."""
    return {"source": job.shown, "engine": job.engine, "size": list(opened.size), "rate": opened.rate}


def jpeg(frame: Frame, job: Job) -> bytes | Path:
    """The frame as the content of a file, or as the file that it is already."""
    return frame.picture if isinstance(frame.picture, Path) else encode(frame.picture, "jpg", job.quality)


if __name__ == "__main__":
    run(splitter)
