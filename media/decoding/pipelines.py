"""The pipelines of gst-launch-1.0: which of GStreamer's elements read which kind of source."""

import os
import re
import shlex
import stat
from pathlib import Path
from urllib.parse import quote, urlsplit

from media.sources.job import BadData, Job
from media.sources.source import PIPELINE, WrongArgument

CLIP = "clip"  # the name under which gst-launch finds the file, whatever signs its own name holds
URL_LETTERS = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is in an address; a quote or a space would end it
DEVICE = re.compile(r"/dev/[\w/.:@+-]+", re.ASCII)  # a path that means the same to gst-launch
DECODER, SINK = "splitter-decoder", "splitter-sink"  # names that nobody gives to elements of their own
UPRIGHT = ["videoconvert", "!", "video/x-raw,format=RGB", "!", "videoflip", "video-direction=auto"]
FULL_RANGE = ["videoconvert", "!", "video/x-raw,format=I420,colorimetry=1:4:0:0"]
MPEG_TS = "caps=video/mpegts,systemstream=(boolean)true,packetsize=188"
UDP_BUFFER = 8_000_000  # bytes that the kernel may hold (it grants net.core.rmem_max at most): a whole key frame
RTP_WAIT = 200  # ms for which a packet that is late is waited for; GStreamer's own 2 s would show old pictures
MOST_FILES = 50  # of a live source that wait; when the splitter itself stands still, gst-launch removes the oldest
V4L2_MAJOR = 81  # of Linux's video devices, see the kernel's admin-guide/devices.txt
MOST_SENT_AT_ONCE = 1000  # the same where a server may send faster than it shows, before gst-launch is held

# What opens further addresses that it finds in its data: it would read local files for whoever wrote a playlist.
PLAYLIST_READERS = ("hlsdemux", "hlsdemux2", "dashdemux", "dashdemux2", "mssdemux", "mssdemux2", "sdpdemux")
GIF_READERS = ("avdemux_gif",)  # it stands still for as long as a frame is shown, and leaves the last one's time out
UNWANTED = (*PLAYLIST_READERS, *GIF_READERS)


def environment() -> dict[str, str]:
    """What gst-launch needs in its environment: English words; and none of the UNWANTED is used by itself."""
    ranks = [os.environ.get("GST_PLUGIN_FEATURE_RANK", ""), *(f"{reader}:NONE" for reader in UNWANTED)]
    return {"LC_ALL": "C", "GST_PLUGIN_FEATURE_RANK": ",".join(filter(None, ranks))}  # the last of two ranks counts


def pipeline(job: Job) -> list[str]:
    """gst-launch's arguments; -m and post-messages make it say when a file is whole. Raises WrongArgument.

    Without -f, one that crashes lives on and waits for a debugger.
    jpegenc takes the narrow range of video for the full range of JPEG, and all would fade. videoconvert widens it only
    where the format changes, hence the way over RGB.
    """
    scale = []
    if job.size:
        scale = ["!", "videoscale", "add-borders=false", "!", "video/x-raw,width={},height={}".format(*job.size)]
    bound = [] if job.ends else [f"max-files={MOST_SENT_AT_ONCE if job.kind == 'http' else MOST_FILES}"]
    return [
        "-m", "-f", "--", *_source(job), "!", "decodebin", f"name={DECODER}", "!", *UPRIGHT, *scale, "!",
        *FULL_RANGE, "!", "jpegenc", f"quality={job.quality}", "!",
        "multifilesink", f"name={SINK}", "location=%08d.jpg", "post-messages=true", *bound,
    ]  # fmt: skip


def _source(job: Job) -> list[str]:
    """The elements in front; time-outs are the splitter's own, so that one that hangs is reopened and counted."""
    address = quote(os.fsencode(job.source), safe=URL_LETTERS)
    if job.kind == "clip":
        return ["filesrc", f"location={CLIP}"]
    if job.kind == "http":
        return ["souphttpsrc", f"location={address}", "timeout=0", "retries=0"]
    if job.kind == "rtsp":
        waits = [f"latency={RTP_WAIT}", f"tcp-timeout={round(job.patience * 1e6)}"]  # us
        return ["rtspsrc", f"location={address}", "protocols=tcp", *waits, "!", "application/x-rtp,media=video"]
    if job.kind == "srt":
        return ["srtsrc", f"uri={address}"]
    if job.kind == "udp":
        return _udp(job)
    if job.kind == "device":
        return _device(job)
    return _own(job)


def _udp(job: Job) -> list[str]:
    try:
        parts = urlsplit(job.source)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WrongArgument(f"source: {job.shown}: {error}: give an address like udp://:5000") from None
    if parts.query or parts.path:
        raise WrongArgument(
            f"source: gstreamer takes an address like udp://239.1.1.1:5000, without the {parts.path or '?'} in"
            f" {job.shown}: leave that out, or use engine: av"
        )
    address = [f"address={quote(host, safe=URL_LETTERS)}"] if host else []
    return ["udpsrc", *address, f"port={port}", f"buffer-size={UDP_BUFFER}", MPEG_TS]


def _device(job: Job) -> list[str]:
    if not DEVICE.fullmatch(job.source):
        raise WrongArgument(
            f"source: {job.shown!r} has signs in its name that gstreamer would misread: make a link to it, such as"
            " /dev/camera"
        )
    return ["v4l2src", f"device={job.source}"]


def _own(job: Job) -> list[str]:
    """The user's pipeline as words, as a shell would split it."""
    try:
        words = shlex.split(job.source.removeprefix(PIPELINE))
    except ValueError as error:
        raise WrongArgument(
            f"source: {job.shown}: {str(error).lower()}: a quote that opens must be closed again"
        ) from None
    if any("\0" in word for word in words):
        raise WrongArgument(f"source: {job.shown!r} holds a NUL, which no program can be given")
    return words


def check_door(job: Job) -> None:
    """Find out why the job's device could not be opened, in better words than GStreamer has.

    Raises BadData for what may be cured while the splitter runs, WrongArgument for what is no camera.
    """
    try:
        found = Path(job.source).stat()
    except OSError as error:
        raise BadData(f"{job.shown} is not there (yet): {error.strerror}; is the camera plugged in?") from None
    if not stat.S_ISCHR(found.st_mode) or os.major(found.st_rdev) != V4L2_MAJOR:
        raise WrongArgument(
            f"source: {job.shown} is no camera of Video4Linux: give one that `ls /dev/video*` or"
            " `v4l2-ctl --list-devices` shows"
        )
    if not os.access(job.source, os.R_OK | os.W_OK):
        raise BadData(
            f"{job.shown} may not be opened by this user: add this user to the group video"
            " (sudo usermod -aG video), and log in again"
        )
