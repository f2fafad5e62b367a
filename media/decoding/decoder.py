"""PyAV as a program: reads what it is asked for on its standard input, and writes records to its standard output.

A program of its own, because what hangs or crashes in C code can be killed with its process, and not without.
"""

import errno
import json
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from time import monotonic, time_ns
from typing import Any, NamedTuple

import av
from av.video.frame import VideoFrame

from bus.reuse import keep_memory
from media.decoding.footage import Footage, opened, told
from media.decoding.loans import Lender
from media.decoding.outbox import Outbox, Picture, size_of
from media.decoding.records import write
from media.sources.job import BadData, Job
from media.sources.video import BEAT, OLD, TORN, Backlog, Dropped, Opened, Selection


class Beat(NamedTuple):
    """Frames were decoded, and none of them kept."""


def main() -> None:
    """Do what standard input asks for, and say on standard output how it went."""
    pipe = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not get between the records
    keep_memory()
    asked = json.loads(sys.stdin.buffer.readline())
    size = asked["job"]["size"]  # JSON knows no tuples
    job = Job(**{**asked["job"], "size": tuple(size) if size else None})
    with suppress(BrokenPipeError):  # the splitter has gone, and needs no last words
        try:
            write(pipe, {"is": "Beat"})  # from here on the source is waited for, not this program
            source = opened(job)
            with source.container:
                if asked["promise"]:
                    write(pipe, {"is": "promise", **source.promised._asdict()})
                else:
                    lender = None if asked["jpeg"] else Lender(0)
                    if lender and lender.address:
                        write(pipe, {"is": "arena", "address": lender.address})
                    with Outbox(pipe, job, jpeg=asked["jpeg"], lossy=not source.ends, lender=lender) as outbox:
                        for step in _steps(source, asked["first"]):
                            outbox.put(step)
            write(pipe, {"is": "end", "damages": source.damages, "damage": source.damage})
        except BadData as problem:
            write(pipe, {"is": "bad", "words": str(problem)})


def _steps(source: Footage, first: int) -> Generator[Opened | Picture | Dropped | Beat, None, None]:
    """What comes out: the frames that the job asks for, from number `first` on."""
    job, selection = source.job, Selection(source.job, first, source.ends)
    backlog = Backlog() if first and not source.ends else None
    size: tuple[int, int] | None = None
    beat = monotonic()
    for picture in _decoded(source):
        if size != size_of(picture, job):
            size = size_of(picture, job)
            yield Opened(size, source.promised.rate, source.promised.total(job), source.ends)
        if source.torn(picture):
            yield Beat() if source.ends else Dropped(1, TORN)
            continue
        if backlog and backlog.holds(source.seconds, monotonic()):
            yield Dropped(1, OLD)
            continue
        number = selection.number(source.seconds)
        if number is not None:
            clock = None if source.timeless else source.seconds
            yield Picture(number, clock, picture, time_ns())
        elif monotonic() - beat > BEAT:
            yield Beat()
            beat = monotonic()
        if selection.full:
            return
    if size is None:
        raise BadData(f"cannot read {job.shown}: not one frame can be decoded")
    if source.ends:
        if source.damage:
            raise BadData(f"{job.shown} is broken {source.damage}; {selection.count} frames could be read")
        source.promised.kept(job, source.end)


def _decoded(source: Footage) -> Iterator[VideoFrame]:
    """Every frame that can be decoded; what cannot be is noted as damage."""
    video, job = source.video, source.job
    broken: list[av.FFmpegError] = []
    for packet in _packets(source, broken):
        try:
            pictures = video.decode(packet)
        except av.FFmpegError as error:
            source.damaged(told(error, job))
            continue
        for picture in pictures:
            source.shows(picture)
            yield picture
    # When a server that gave no length closes, which is how such a stream ends, FFmpeg says EIO.
    if broken and not (job.kind == "http" and broken[0].errno == errno.EIO and not source.ends):
        raise BadData(
            f"{job.shown} broke off at {source.seconds:.2f} s, after {source.count} frames: {told(broken[0], job)}"
        )


def _packets(source: Footage, broken: list[av.FFmpegError]) -> Iterator[Any]:
    """The video's packets, and where they break off None: give what you still hold. Why goes to `broken`."""
    try:
        yield from source.container.demux(source.video)
    except av.FFmpegError as error:
        broken.append(error)
        yield None


if __name__ == "__main__":
    main()
