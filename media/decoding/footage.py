"""An open source, and what is known of it: what FFmpeg may open, which of its videos is shown, whether it ends."""

import errno
import math
import os
import re
from dataclasses import dataclass, field
from time import monotonic

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media.sources.job import BadData, Job
from media.sources.video import USUAL_RATE, Promise

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
HEALED = 10.0  # seconds after which a picture is whole again, where a stream refreshes it without key frames
NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS of FFmpeg's avformat.h
ENDLESS = ("hls", "dash", "mpjpeg")  # formats whose size in bytes does not tell whether more will come
WHOLE = ("clip", "http")  # kinds that may be files
CURES = {  # what may help where a source cannot be opened
    errno.ECONNREFUSED: "; is the address right, and does its server run?",
    errno.ETIMEDOUT: "; is the address right, and does its server run?",
    errno.EIO: "; is the address right?",
    errno.EADDRINUSE: "; another program reads that port",
}
PLAYLIST = b"#EXTM3U"  # RFC 8216, section 4.3.1.1
DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # hours, minutes and seconds, as Matroska's tag has them


@dataclass
class Footage:
    """An open source, and what is known of it."""

    job: Job
    container: InputContainer
    video: VideoStream
    ends: bool
    promised: Promise
    seconds: float = 0.0  # when the last frame is shown, from the start of the source
    end: float = 0.0  # until when it is shown
    count: int = 0  # frames that were decoded
    damages: int = 0  # packets and frames that could not be decoded
    damage: str = ""  # where the first of them was, and what was the matter
    began: float = field(default_factory=monotonic)
    spoilt: float = -math.inf  # when the last of them was: what is drawn upon it is wrong too

    @property
    def timeless(self) -> bool:
        """Whether its frames come without the times at which they are shown: FFmpeg makes some up."""
        return bool(self.container.format.flags & NO_TIMESTAMPS)

    def shows(self, picture: VideoFrame) -> None:
        """Note when `picture`, the next frame, is shown; a live source without a clock of its own goes by ours."""
        base, rate = self.video.time_base or 0, float(self.video.average_rate or USUAL_RATE)
        start = float((self.video.start_time or 0) * base)
        if self.timeless and not self.ends:
            self.seconds = monotonic() - self.began
        else:  # after the last packet, frames know no base
            self.seconds = self.count / rate if picture.pts is None else float(picture.pts * base) - start
        self.end = self.seconds + max(float((picture.duration or 0) * base), 1 / (self.promised.rate or USUAL_RATE))
        self.count += 1

    def damaged(self, words: str) -> None:
        """Note that something could not be decoded."""
        self.damages += 1
        self.damage = self.damage or f"at {self.seconds:.2f} s, after frame {self.count}: {words}"
        self.spoilt = self._now

    def torn(self, picture: VideoFrame) -> bool:
        """Whether parts of the picture are wrong: it was damaged, or one since the last key frame was."""
        if picture.is_corrupt:
            self.damaged("the picture is torn")
        elif picture.key_frame:
            self.spoilt = -math.inf
        return abs(self._now - self.spoilt) < HEALED

    @property
    def _now(self) -> float:
        """The clock that pictures heal by: a live source's own may leap, and a clip is read faster than shown."""
        return self.seconds if self.ends else monotonic()


def opened(job: Job) -> Footage:
    """The source, opened. Raises BadData."""
    container = _container(job)
    video = _video(container, job)
    whole = job.kind == "http" and _has_end(container)
    if job.ends is False and whole:
        raise BadData(f"{job.shown} has ended, says its server")
    ends = whole if job.ends is None else job.ends
    footage = Footage(job, container, video, ends, _promise(video))
    if not ends:
        footage.promised = Promise(0, 0 if footage.timeless else footage.promised.rate)
    return footage


def _has_end(container: InputContainer) -> bool:
    """Whether what a server gives is whole: it says how long it is, or how many bytes. Those of a list are not it."""
    return bool(container.duration) or ((container.size or 0) > 0 and container.format.name not in ENDLESS)


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
        reason = "it is no video, or was not copied to its end"
        raise BadData(
            f"cannot read {job.shown}: {reason if job.kind in WHOLE else 'it sends no video, or does not answer'}"
        ) from None
    except av.FFmpegError as error:
        cure = CURES.get(error.errno or 0, "")
        raise BadData(f"cannot read {job.shown}: {told(error, job)}{cure}") from None


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


def told(error: av.FFmpegError, job: Job) -> str:
    """What went wrong, without the address: it may hold a password."""
    if isinstance(error, av.error.ExitError):
        return f"nothing came for {job.patience:g} s"
    if isinstance(error, av.error.InvalidDataError):
        return "the data make no sense as video"
    return error.strerror or type(error).__name__
