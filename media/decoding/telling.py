"""What gst-launch-1.0 says: which files are whole, whether its source has an end, and why it failed."""

import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from media.decoding.pipelines import DECODER, SINK
from media.sources.job import GSTREAMER_ONLY, BadData, Job
from media.sources.source import WrongArgument
from media.sources.worker import LAST, Patience, Worker, WorkerDied, ending, heard

PLUGINS = "apt-get install gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav"
PACKAGES = {  # elements that come with none of these
    "libcamerasrc": "apt-get install gstreamer1.0-libcamera",
    "nvarguscamerasrc": "apt-get install nvidia-l4t-gstreamer, on a Jetson",
}
SERVED = ("http", "rtsp", "srt")  # kinds that a server gives
NO_TIME = (1 << 64) - 1  # GST_CLOCK_TIME_NONE
LINES = 400  # of what it says on standard error that are kept: all of its last words

MADE = re.compile(
    rf'"{SINK}".* GstMultiFileSink, .*?index=\(int\)(\d+), timestamp=\(guint64\)(\d+),.* duration=\(guint64\)(\d+)'
)
SIZED = re.compile(r"http-headers, .*http-status-code=\(uint\)200,.* response-headers=.*Content-Length", re.IGNORECASE)
MULTIPART = re.compile(r"http-headers, .* response-headers=.*multipart/x-mixed-replace", re.IGNORECASE)
GONE = re.compile(r"WARNING: from element \S*GstSRTSrc\S*: (.*?)\.? Trying to reconnect")
ERROR = re.compile(r"^ERROR: from element (\S+): (.*)(?:\nAdditional debug info:\n.*:\n(.*))?", re.MULTILINE)
UNFIT = re.compile(r"(?:WARNING: erroneous pipeline|ERROR: pipeline could not be constructed): (.*?)\.?$", re.MULTILINE)
NO_ELEMENT = re.compile(r'no element "(.*)"')
NO_DECODER = re.compile(r"Missing decoder: (.*?) \((?:video/|image/|application/(?:x-rtp|ogg|mxf))")
FOREIGN = re.compile(r"Missing decoder: .*\(((?!audio/|text/|subpicture/|closedcaption/|meta/)[^,;)]*)")
GIF = re.compile(r"Missing decoder: .* \(image/gif")
PLAYLIST = re.compile(r"Missing decoder: .*\((application/(?:x-hls|dash\+xml|vnd\.ms-sstr\+xml|sdp)|text/uri-list)")
VAGUE = "Internal data stream error"
INTERRUPTED = "Interrupt: Stopping pipeline"  # it ends well then, as if its source had ended
NO_VIDEO = "reason not-linked"  # what is decoded finds no way into our end of the pipeline


class Made(NamedTuple):
    """What gst-launch says when a file is whole."""

    number: int  # in the file's name, from 0
    time: int  # ns from the start, or NO_TIME
    duration: int  # ns, or NO_TIME

    @property
    def rate(self) -> float:
        """Frames a second, as this one would have it; 0: unknown."""
        return 0.0 if self.duration in (0, NO_TIME) else 1e9 / self.duration


class HasEnd(Exception):
    """The source that was opened as a live one is a clip: its server tells how long it is."""


class Telling:
    """Listens to one gst-launch until it ends."""

    def __init__(self, job: Job, first: int = 0) -> None:
        """`first`: the number of the next frame. A live source that gave some before is what it should be."""
        self._job = job
        self._known = first > 0 and job.live
        self._count = 0  # files
        self._interrupted = False
        self._failing: Patience | None = None  # once it has said an error, which is its end: sometimes it hangs then
        self._errors: deque[str] = deque(maxlen=LINES)

    def made(self, worker: Worker) -> Iterator[Made | None]:
        """The files that are whole, and None now and then.

        Raises WrongArgument or BadData if it ends badly, WorkerDied if that says nothing about the source, HasEnd
        before the first file.
        """
        for line in self._lines(worker):
            if line and (made := MADE.search(line)):
                self._count += 1
                yield Made(*(int(group) for group in made.groups()))
                continue
            if line and self._job.kind == "http":
                self._heed(line)
            yield None
        end = ending(worker)
        if worker.returncode is None or worker.returncode < 0 or self._interrupted:
            yield None  # what stopped it may have been meant for us too, who have a better end then
            raise WorkerDied(f"{self._job.shown}: gst-launch-1.0 {end or 'was interrupted'}")
        if end:
            raise self._verdict(f"it {end}")

    def _heed(self, line: str) -> None:
        """What the headers of an http server's answer mean."""
        if self._job.ends is None and SIZED.search(line):
            raise HasEnd
        if MULTIPART.search(line):  # decodebin waits for more of its streams before it shows the only one
            if self._known:
                raise self._broken("its server answers with a row of JPEG files now")
            raise WrongArgument(
                f"source: {self._job.shown} is a row of JPEG files (multipart), which gstreamer does not show in time:"
                f' use engine: av, or source: "gst: souphttpsrc location={self._job.shown} !'
                ' multipartdemux single-stream=true"'
            )

    def _lines(self, worker: Worker) -> Iterator[str | None]:
        """What it prints on standard output, line by line, and None now and then. Keeps what it says of errors."""
        unfinished = {worker.stdout: b"", worker.stderr: b""}
        for news in heard(worker):
            if news is None:
                if self._failing and self._failing.lost:
                    raise self._verdict("it hangs")
                yield None
                continue
            pipe, chunk = news
            *lines, unfinished[pipe] = (unfinished[pipe] + chunk).split(b"\n")
            for line in lines:
                words = line.decode(errors="replace")
                self._interrupted |= words.startswith(INTERRUPTED)
                if pipe is worker.stdout:
                    yield words
                    continue
                self._errors.append(words)
                if words.startswith("ERROR: "):
                    self._failing = self._failing or Patience(LAST)
                if gone := GONE.match(words):  # an outage is counted where sources are opened again
                    raise self._broken(gone[1])
            yield None  # also where it says much, and nothing of use

    def _verdict(self, otherwise: str) -> WrongArgument | BadData:
        """Why it ended badly: what opening it again cannot cure, or the source."""
        shown, said = self._job.shown, "\n".join(self._errors)
        av = "" if self._job.kind in GSTREAMER_ONLY else ", or use engine: av"
        if unfit := UNFIT.search(said):
            return self._unfit(unfit[1], av)
        if not (self._count or self._known):
            if GIF.search(said):
                return WrongArgument(f"source: {shown} is a GIF, which gstreamer does not show in time: use engine: av")
            if playlist := PLAYLIST.search(said):
                cure = "use engine: av" if self._job.kind == "http" else "give the video itself"
                return WrongArgument(
                    f"source: {shown} is a list of other addresses ({playlist[1]}); gstreamer may not follow it, as it"
                    f" would open local files too: {cure}"
                )
            if missing := NO_DECODER.search(said):
                return WrongArgument(f"gstreamer on this machine lacks {missing[1]}: {PLUGINS}{av}")
        if not self._count and (foreign := FOREIGN.search(said)):
            return BadData(f"cannot read {shown}: it gives {foreign[1]}, which gstreamer does not read")
        error = ERROR.search(said)
        if not error or error[1].endswith(f":{SINK}"):  # no fault of the source
            return WorkerDied(f"{shown}: gst-launch-1.0: {_reason(error[2], error[3] or '') if error else otherwise}")
        if not self._count and error[2].startswith(VAGUE) and NO_VIDEO in said:
            return BadData(f"cannot read {shown}: gstreamer finds no video in it")
        return self._broken(_reason(error[2], error[3] or ""))

    def _unfit(self, words: str, av: str) -> WrongArgument:
        """`words` are what gst-launch has against the pipeline itself."""
        if lacks := NO_ELEMENT.match(words):
            cure = PACKAGES.get(lacks[1], PLUGINS)
            spelling = "; or is it misspelt?" if self._job.kind == "pipeline" else ""
            return WrongArgument(f'gstreamer on this machine lacks "{lacks[1]}": {cure}{av}{spelling}')
        cure = ": it must end in what gives video, not in a sink" if words.endswith(f" to {DECODER}") else ""
        return WrongArgument(f"source: gstreamer cannot make a pipeline of {self._job.shown}: {words}{cure}")

    def _broken(self, reason: str) -> BadData:
        where = f"breaks off after {self._count} frames" if self._count else "cannot be read"
        cure = " (is the address right, and does its server run?)" if self._job.kind in SERVED else ""
        return BadData(f"{self._job.shown} {where}, says gstreamer: {reason}{'' if self._count else cure}")


def _reason(words: str, detail: str) -> str:
    """GStreamer's words, which are often vague, and the detail, which is often not for people."""
    words, detail = words.rstrip("."), detail.partition(", URL: ")[0].rstrip(".")
    return words if not detail or detail.startswith("streaming stopped") else f"{words}: {detail}"
