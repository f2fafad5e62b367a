"""PyAV as a program: reads what it is asked for on its standard input, and writes records to its standard output.

A program of its own, because what hangs or crashes in C code can be killed with its process, and not without.
"""

import errno
import json
import math
import os
import re
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media.job import BadData, Job
from media.outbox import Outbox, Picture, size_of
from media.records import write
from media.video import OLD, TORN, USUAL_RATE, Backlog, Dropped, Opened, Promise, Selection

# What FFmpeg may open for each kind of source: a playlist from the net cannot read local files, nor a file the net,
# nor another file: a clip is opened here, and FFmpeg gets no more than its descriptor.
PROTOCOLS = {
    "clip": "fd",
    "http": "http,https,httpproxy,tcp,tls,crypto",
    "rtsp": "rtsp,rtp,srtp,udp,tcp,tls,http,https,httpproxy",
    "udp": "udp",
}
OPTIONS = {
    "rtsp": {"rtsp_flags": "prefer_tcp"},  # over udp, what is lost would tear the picture
    "udp": {"fifo_size": "50000", "overrun_nonfatal": "1"},  # packets of 188 bytes: 9 MB
    "http": {"live_start_index": "-1"},  # of a live playlist: the newest segment, not three segments ago
}
LIVE_OPTIONS = {"analyzeduration": "1000000", "fpsprobesize": "2"}  # us, frames: what is there at once is enough
BEAT = 0.25  # seconds between two signs of life while no frame is kept

HEALED = 10.0  # seconds after which a picture is whole again, where a stream refreshes it without key frames
PLAYLIST = b"#EXTM3U"  # RFC 8216, section 4.3.1.1
DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # hours, minutes and seconds, as Matroska's tag has them


class Beat(NamedTuple):
    """Frames were decoded, and none of them kept."""


@dataclass
class Source:
    """An open source, and what is known of it."""

    job: Job
    container: InputContainer
    video: VideoStream
    ends: bool
    promised: Promise
    seconds: float = 0.0  # when the last frame is shown, from the start of the source
    count: int = 0  # frames that were decoded
    damages: int = 0  # packets and frames that could not be decoded
    damage: str = ""  # where the first of them was, and what was the matter
    spoilt: float = -math.inf  # when the last of them was: what is drawn upon it is wrong too

    def damaged(self, words: str) -> None:
        """Note that something could not be decoded."""
        self.damages += 1
        self.damage = self.damage or f"at {self.seconds:.2f} s, after frame {self.count}: {words}"
        self.spoilt = self.seconds

    def torn(self, picture: VideoFrame) -> bool:
        """Whether parts of the picture are wrong: it was damaged, or one since the last key frame was."""
        if picture.is_corrupt:
            self.damaged("the picture is torn")
        elif picture.key_frame:
            self.spoilt = -math.inf
        return self.seconds - self.spoilt < HEALED


def main() -> None:
    """Do what standard input asks for, and say on standard output how it went."""
    pipe = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not get between the records
    asked = json.load(sys.stdin.buffer)
    size = asked["job"]["size"]  # JSON knows no tuples
    job = Job(**{**asked["job"], "size": tuple(size) if size else None})
    with suppress(BrokenPipeError):  # the splitter has gone, and needs no last words
        try:
            write(pipe, {"is": "Beat"})  # from here on the source is waited for, not this program
            source = _opened(job)
            with source.container:
                if asked["promise"]:
                    write(pipe, {"is": "promise", **source.promised._asdict()})
                else:
                    with Outbox(pipe, job, jpeg=asked["jpeg"], lossy=not source.ends) as outbox:
                        for step in _steps(source, asked["first"]):
                            outbox.put(step)
            write(pipe, {"is": "end", "damages": source.damages, "damage": source.damage})
        except BadData as problem:
            write(pipe, {"is": "bad", "words": str(problem)})


def _steps(source: Source, first: int) -> Generator[Opened | Picture | Dropped | Beat, None, None]:
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
            yield Picture(number, source.seconds, picture, time_ns())
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
        source.promised.kept(job, source.seconds + 1 / (source.promised.rate or USUAL_RATE))


def _opened(job: Job) -> Source:
    container = _container(job)
    video = _video(container, job)
    ends = job.ends if job.ends is not None else bool(container.duration)
    if job.ends is False and job.kind == "http" and container.duration:
        raise BadData(f"{job.shown} has ended, says its server")
    return Source(job, container, video, ends, _promise(video) if ends else Promise(0, _promise(video).rate))


def _container(job: Job) -> InputContainer:
    options = {"protocol_whitelist": PROTOCOLS[job.kind], **OPTIONS.get(job.kind, {})}
    if job.kind == "clip":
        address = "fd:"
        options["fd"] = str(os.open(job.source, os.O_RDONLY | os.O_CLOEXEC))
    else:
        address = job.source
        options |= LIVE_OPTIONS
    try:
        return av.open(address, timeout=job.patience, options=options)
    except (av.error.InvalidDataError, av.error.EOFError):
        if job.kind == "clip" and _is_playlist(job.source):
            raise BadData(
                f"cannot read {job.shown}: it is a playlist, and from a file it may not open others:"
                " give the clips that it names, or its http address"
            ) from None
        raise BadData(f"cannot read {job.shown}: it is no video, or was not copied to its end") from None
    except av.FFmpegError as error:
        cure = "" if job.kind == "clip" else "; is the address right, and does its server run?"
        raise BadData(f"cannot read {job.shown}: {_words(error, job)}{cure}") from None


def _is_playlist(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(PLAYLIST)) == PLAYLIST


def _video(container: InputContainer, job: Job) -> VideoStream:
    """The stream to show: the one that the file calls its own, or the first; never the cover of a song."""
    moving = [video for video in container.streams.video if not video.disposition & Disposition.attached_pic]
    if not moving:
        kinds = " and ".join(sorted({stream.type for stream in container.streams} - {"video"}))
        raise BadData(f"cannot read {job.shown}: it holds no video, only {kinds or 'nothing'}")
    video = next((video for video in moving if video.disposition & Disposition.default), moving[0])
    if video.codec_context is None:
        raise BadData(f"cannot read {job.shown}: PyAV has no decoder for its video")
    video.thread_type = "SLICE"  # frame threads are no faster on two cores, and lose frames around a broken one
    return video


def _promise(video: VideoStream) -> Promise:
    """Matroska says how long a stream is in a tag, the others in a field; some say nothing."""
    seconds = float(video.duration * video.time_base) if video.duration and video.time_base else 0.0
    if not seconds and (tag := DURATION.fullmatch(video.metadata.get("DURATION", ""))):
        seconds = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    return Promise(seconds, float(video.average_rate or video.guessed_rate or 0))


def _decoded(source: Source) -> Iterator[VideoFrame]:
    """Every frame that can be decoded; what cannot be is noted as damage."""
    video, job = source.video, source.job
    start = float(video.start_time * video.time_base) if video.start_time and video.time_base else 0.0
    step = 1 / float(video.average_rate or USUAL_RATE)
    broken: list[av.FFmpegError] = []
    for packet in _packets(source, broken):
        try:
            pictures = video.decode(packet)
        except av.FFmpegError as error:
            source.damaged(_words(error, job))
            continue
        for picture in pictures:
            source.seconds = source.count * step if picture.time is None else picture.time - start
            source.count += 1
            yield picture
    # When a server that gave no length closes, which is how such a stream ends, FFmpeg says EIO.
    if broken and not (job.kind == "http" and broken[0].errno == errno.EIO and not source.ends):
        raise BadData(
            f"{job.shown} broke off at {source.seconds:.2f} s, after {source.count} frames: {_words(broken[0], job)}"
        )


def _packets(source: Source, broken: list[av.FFmpegError]) -> Iterator[Any]:
    """The video's packets, and where they break off None: give what you still hold. Why goes to `broken`."""
    try:
        yield from source.container.demux(source.video)
    except av.FFmpegError as error:
        broken.append(error)
        yield None


def _words(error: av.FFmpegError, job: Job) -> str:
    """What went wrong, without the address: it may hold a password."""
    if isinstance(error, av.error.ExitError):
        return f"nothing came for {job.patience:g} s"
    if isinstance(error, av.error.InvalidDataError):
        return "the data make no sense as video"
    return error.strerror or type(error).__name__


if __name__ == "__main__":
    main()
