"""gst-launch-1.0 as a child: a file or an http stream becomes JPEG files, which become frames."""

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from PIL import Image

from media.decoder import USUAL_RATE, promise
from media.job import BadData, Job, WrongArgument
from media.video import BEAT, Frame, Opened, Promise, Selection, Steps

TOOLS = "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav"
PLUGINS = "apt-get install gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav"
URL_LETTERS = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is in an address; a quote or a space would end it
LEASH = str(Path(__file__).with_name("leash.py"))
CLIP = "clip"  # the name under which gst-launch finds the file, whatever signs its own name holds
UPRIGHT = ["videoconvert", "!", "video/x-raw,format=RGB", "!", "videoflip", "video-direction=auto"]
FULL_RANGE = ["videoconvert", "!", "video/x-raw,format=I420,colorimetry=1:4:0:0"]
NO_TIME = (1 << 64) - 1  # GST_CLOCK_TIME_NONE

MADE = re.compile(r"GstMultiFileSink, .*?index=\(int\)(\d+), timestamp=\(guint64\)(\d+),.* duration=\(guint64\)(\d+)")
ERROR = re.compile(r"(?:ERROR: from element \S+|WARNING: erroneous pipeline): (.*)")
MISSING = re.compile(r"Missing decoder: (.*?) \(|no element (\".*\")")


class Made(NamedTuple):
    """What gst-launch says when a file is whole."""

    number: int  # in the file's name, from 0
    time: int  # ns from the start, or NO_TIME
    duration: int  # ns, or NO_TIME


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The frames that `job` asks for, from number `first` on: files, in a folder of their own below `workspace`.

    Raises WrongArgument if GStreamer or a part of it is not installed, BadData if the source is broken.
    """
    program = shutil.which("gst-launch-1.0")
    if not program:
        raise WrongArgument(f"gst-launch-1.0 is not installed: {TOOLS}, or use engine: av")
    promised = promise(job) if job.kind == "clip" else Promise(0, 0)
    selection = Selection(job, first)
    seconds: float | None = None
    with _folder(workspace) as folder, _running(program, job, folder) as child:
        for made in _told(child, job):
            if made is None:
                yield None
                continue
            file = folder / f"{made.number:08d}.jpg"
            with _at_rest(child):
                if seconds is None:
                    yield Opened(_size(file), promised.rate or _rate(made), promised.total(job))
                seconds = _seconds(made, promised, job)
                number = selection.number(seconds)
                yield None if number is None else Frame(number, file, file.stat().st_mtime_ns)
                file.unlink(missing_ok=True)
            if selection.full:
                return
    if seconds is None:
        raise BadData(f"cannot read {job.shown}: gstreamer found not one frame in it")
    promised.kept(job, seconds + 1 / (promised.rate or USUAL_RATE))


@contextmanager
def _folder(workspace: Path | None) -> Iterator[Path]:
    """A folder that no other gst-launch ever writes to: not even one whose splitter was killed."""
    folder = Path(tempfile.mkdtemp(prefix="gst-", dir=workspace))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(program: str, job: Job, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """gst-launch at work in `folder`, in a process group of its own; it goes with this process, however that goes."""
    if job.kind == "clip":
        (folder / CLIP).symlink_to(Path(job.source).absolute())
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", LEASH, str(os.getpid()), program, *_pipeline(job)],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # apart: on one pipe it would break into lines that tell of frames
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def _pipeline(job: Job) -> list[str]:
    """gst-launch's arguments; -m and post-messages make it say when a file is whole.

    jpegenc takes the narrow range of video for the full range of JPEG, and all would fade. videoconvert widens it only
    where the format changes, hence the way over RGB.
    """
    address = quote(os.fsencode(job.source), safe=URL_LETTERS)
    source = ["filesrc", f"location={CLIP}"] if job.kind == "clip" else ["souphttpsrc", f"location={address}"]
    scale = []
    if job.size:
        scale = ["!", "videoscale", "add-borders=false", "!", "video/x-raw,width={},height={}".format(*job.size)]
    return [
        "-m", *source, "!", "decodebin", "!", *UPRIGHT, *scale, "!", *FULL_RANGE, "!",
        "jpegenc", f"quality={job.quality}", "!",
        "multifilesink", "location=%08d.jpg", "post-messages=true",
    ]  # fmt: skip


def _told(child: subprocess.Popen[bytes], job: Job) -> Iterator[Made | None]:
    """What gst-launch says it made, and None now and then. Raises WrongArgument or BadData if it ends badly."""
    troubles: list[str] = []
    count = 0
    for line in _lines(child):
        if line and (made := MADE.search(line)):
            count += 1
            yield Made(*(int(group) for group in made.groups()))
        else:
            troubles += [line] if line and (ERROR.match(line) or MISSING.search(line)) else []
            yield None
    if code := child.wait():
        raise _verdict(troubles, f"it ended with {code}", job, count)


def _verdict(troubles: list[str], otherwise: str, job: Job, count: int) -> WrongArgument | BadData:
    """Why gst-launch ended badly, after `count` frames: a part of GStreamer that is not installed, or the source."""
    for line in troubles:
        if missing := MISSING.search(line):
            lacks = missing[1] or missing[2]
            return WrongArgument(f"gstreamer on this machine lacks {lacks}: {PLUGINS}, or use engine: av")
    reason = next((error[1] for line in troubles if (error := ERROR.match(line))), otherwise)
    where = f"breaks off after {count} frames" if count else "cannot be read"
    cure = "" if count or job.kind == "clip" else " (is the address right, and does its server run?)"
    return BadData(f"{job.shown} {where}, says gstreamer: {reason}{cure}")


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """What the child prints, line by line, and None whenever it has been silent for a BEAT."""
    unfinished = {pipe: b"" for pipe in (child.stdout, child.stderr) if pipe}
    with selectors.DefaultSelector() as pipes:
        for pipe in unfinished:
            pipes.register(pipe, selectors.EVENT_READ, pipe)
        while pipes.get_map():
            ready = pipes.select(BEAT)
            if not ready:
                yield None
            for key, _ in ready:
                heard = os.read(key.fd, 1 << 16)
                *lines, unfinished[key.data] = (unfinished[key.data] + heard).split(b"\n")
                if not heard:
                    pipes.unregister(key.data)
                for line in lines:
                    yield line.decode(errors="replace")


@contextmanager
def _at_rest(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """The child makes no more files while what it has made is not taken."""
    os.killpg(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(child.pid, signal.SIGCONT)


def _size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.width, image.height


def _rate(made: Made) -> float:
    return 0.0 if made.duration in (0, NO_TIME) else 1e9 / made.duration


def _seconds(made: Made, promised: Promise, job: Job) -> float:
    """When the frame is shown; where the container does not say, a clip's rate or the clock must do."""
    if made.time != NO_TIME:
        return made.time / 1e9
    return time.monotonic() if job.live else made.number / (promised.rate or USUAL_RATE)
