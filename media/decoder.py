"""PyAV: a file of any container, or an http stream, becomes frames."""

import errno
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from media.background import ahead
from media.job import BadData, Job
from media.video import Frame, Opened, Promise, Selection, Steps

# What FFmpeg may open for each kind of source: a playlist from the net cannot read local files, nor a file the net.
PROTOCOLS = {"clip": "file", "stream": "http,https,httpproxy,tcp,tls"}
PATIENCE = (10.0, 20.0)  # seconds to open a source, and to wait for more of it
USUAL_RATE = 25.0  # frames a second of a source that says neither its rate nor when its frames are shown

DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # hours, minutes and seconds, as Matroska's tag has them


@dataclass
class Damage:
    """What of a source could not be decoded."""

    first: str = ""  # where, and what was the matter
    packets: int = 0


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The frames that `job` asks for, from number `first` on. Raises BadData once what can be read has been given."""
    return ahead(_frames(job, first))


def promise(job: Job) -> Promise:
    """What a clip's container says of its video, as far as PyAV can read it. Raises BadData if it has no video."""
    try:
        container = _open(job)
    except BadData:
        return Promise(0, 0)
    with container:
        return _promise(_video(container, job))


def _frames(job: Job, first: int) -> Generator[Opened | Frame, None, None]:
    with _open(job) as container:
        video = _video(container, job)
        promised = _promise(video)
        selection, reformatter = Selection(job, first), VideoReformatter()
        damage = Damage()
        seconds: float | None = None
        for at, picture in _decoded(container, video, job, damage):
            if seconds is None:
                yield Opened(_size(picture, job), promised.rate, promised.total(job))
            seconds = at
            number = selection.number(seconds)
            if number is not None:
                yield Frame(number, _image(picture, job, reformatter), time_ns())
            if selection.full:
                return
    if seconds is None:
        raise BadData(f"cannot read {job.shown}: not one frame can be decoded")
    if damage.packets and job.live:
        print(f"{job.shown}: {damage.packets} packets could not be decoded, the first {damage.first}")
    elif damage.packets:
        raise BadData(f"{job.shown} is broken {damage.first}; {selection.count} frames could be read")
    promised.kept(job, seconds + 1 / (promised.rate or USUAL_RATE))


def _open(job: Job) -> InputContainer:
    # Absolute, so that FFmpeg takes no file name for a protocol.
    address = str(Path(job.source).absolute()) if job.kind == "clip" else job.source
    try:
        return av.open(address, timeout=PATIENCE, options={"protocol_whitelist": PROTOCOLS[job.kind]})
    except av.error.InvalidDataError:
        raise BadData(f"cannot read {job.shown}: it is no video, or was not copied to its end") from None
    except av.FFmpegError as error:
        cure = "; is the address right, and does its server run?" if job.kind == "stream" else ""
        raise BadData(f"cannot read {job.shown}: {_words(error)}{cure}") from None


def _video(container: InputContainer, job: Job) -> VideoStream:
    """The stream to show: the best that is moving pictures, not the cover of a song."""
    moving = [video for video in container.streams.video if not video.disposition & Disposition.attached_pic]
    if not moving:
        kinds = " and ".join(sorted({stream.type for stream in container.streams}))
        raise BadData(f"cannot read {job.shown}: it holds no video, only {kinds or 'nothing'}")
    if moving[0].codec_context is None:
        raise BadData(f"cannot read {job.shown}: PyAV has no decoder for its video")
    moving[0].thread_type = "SLICE"  # frame threads are no faster on two cores, and lose frames around a broken one
    return moving[0]


def _promise(video: VideoStream) -> Promise:
    """Matroska says how long a stream is in a tag, the others in a field; some say nothing."""
    seconds = float(video.duration * video.time_base) if video.duration and video.time_base else 0.0
    if not seconds and (tag := DURATION.fullmatch(video.metadata.get("DURATION", ""))):
        seconds = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    return Promise(seconds, float(video.average_rate or video.guessed_rate or 0))


def _decoded(
    container: InputContainer, video: VideoStream, job: Job, damage: Damage
) -> Iterator[tuple[float, VideoFrame]]:
    """Every frame that can be decoded, and its time in seconds from the start; what cannot be goes to `damage`."""
    start = float(video.start_time * video.time_base) if video.start_time and video.time_base else 0.0
    step = 1 / float(video.average_rate or USUAL_RATE)
    seconds, count = 0.0, 0
    broken: list[av.FFmpegError] = []
    for packet in _packets(container, video, broken):
        try:
            pictures = video.decode(packet)
        except av.FFmpegError as error:
            damage.packets += 1
            damage.first = damage.first or f"at {seconds:.2f} s, after frame {count}: {_words(error)}"
            continue
        for picture in pictures:
            seconds = count * step if picture.time is None else picture.time - start
            count += 1
            yield seconds, picture
    # When a server that gave no length closes, which is how such a stream ends, FFmpeg says EIO.
    if broken and not (job.kind == "stream" and broken[0].errno == errno.EIO):
        raise BadData(f"{job.shown} broke off at {seconds:.2f} s, after {count} frames: {_words(broken[0])}")


def _packets(container: InputContainer, video: VideoStream, broken: list[av.FFmpegError]) -> Iterator[Any]:
    """The video's packets, and where they break off None: give what you still hold. Why goes to `broken`."""
    try:
        yield from container.demux(video)
    except av.FFmpegError as error:
        broken.append(error)
        yield None


def _turned(picture: VideoFrame) -> bool:
    return abs(picture.rotation) == 90


def _size(picture: VideoFrame, job: Job) -> tuple[int, int]:
    if job.size:
        return job.size
    return (picture.height, picture.width) if _turned(picture) else (picture.width, picture.height)


def _image(picture: VideoFrame, job: Job, reformatter: VideoReformatter) -> Image.Image:
    """The frame as RGB, upright (a phone writes how it was held beside its pictures), in the size asked for."""
    width, height = _size(picture, job)
    if _turned(picture):
        width, height = height, width
    try:
        rgb = reformatter.reformat(picture, width, height, "rgb24")
    except (av.FFmpegError, ValueError) as error:
        raise BadData(f"{job.shown} has frames that cannot be shown as RGB ({picture.format.name}: {error})") from None
    pixels = rgb.planes[0]
    image = Image.frombuffer("RGB", (width, height), bytes(pixels), "raw", "RGB", pixels.line_size, 1)
    return image.rotate(picture.rotation, expand=True) if picture.rotation else image


def _words(error: av.FFmpegError) -> str:
    """What went wrong, without the address: it may hold a password."""
    if isinstance(error, av.error.ExitError):
        return f"nothing came within {PATIENCE[0]:.0f} s of opening it, or for {PATIENCE[1]:.0f} s since"
    if isinstance(error, av.error.InvalidDataError):
        return "the data make no sense as video"
    return error.strerror or type(error).__name__
