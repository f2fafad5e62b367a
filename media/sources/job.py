"""What a splitter is asked to do: every argument is checked here, before anything is opened."""

import math
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from bus import called, shown
from media.sources.source import CLIP_CAMERA, Source, WrongArgument, named, recognised

ENGINES = ("auto", "av", "gstreamer")
OWN_ENGINES = {kind: kind for kind in ("camera", "images", "recording")}  # kinds that are read by a part of our own
GSTREAMER_ONLY = ("srt", "device", "pipeline")  # kinds that PyAV's wheels cannot read
PICTURES = {"camera": "the test camera", "images": "images", "recording": "recordings"}
PACES = ("", "real")  # how fast a recording is played: as fast as its frames are taken, or as they were captured
SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")
MAX_RATE = 1000.0  # frames a second: beyond it times in a container are not fine enough
LEAST_PATIENCE = 1.0  # seconds: a stream that is fine may be silent for that long
MAX_SIDE = 9000  # pixels: a frame of 9000x9000 is within what other nodes decode
MAX_STREAM = 200  # bytes: leaves room for the start and the number in a file name of 255 bytes


class BadData(Exception):
    """The source cannot be read, or not to its end; the words say where and why."""

    code = 65


@dataclass(frozen=True)
class Job:
    """What to read, how, and what to call it."""

    source: str  # what is opened
    shown: str  # the same as it was written: for lines, marks and names
    kind: str  # see media.sources.source.Source
    ends: bool | None  # likewise
    live: bool  # likewise
    engine: str  # camera, images, recording, av or gstreamer
    rate: float  # frames a second at most; 0: all of them
    size: tuple[int, int] | None  # width and height in pixels; None: as they are
    quality: int  # of the JPEG files, 1 to 100
    limit: int  # frames in all; 0: all of them
    stream: str
    prefix: str  # what the name of each frame begins with
    patience: float  # seconds without a frame after which the source counts as hanging
    reopen: bool  # whether a live source that ends or breaks off is opened again
    real: bool  # whether a recording's frames come as far apart as they were captured

    @classmethod
    def checked(
        cls, source: str, *, engine: str, rate: float, size: str, quality: int, limit: int, stream: str,
        patience: float, reopen: bool, pace: str,
    ) -> "Job":  # fmt: skip
        """The job that these arguments of a splitter describe. Raises WrongArgument."""
        if not 0 <= rate <= MAX_RATE:
            raise WrongArgument(
                f"rate: {rate} is not a number of frames a second: give one up to {MAX_RATE:g}, or 0 for all"
            )
        if not 1 <= quality <= 100:
            raise WrongArgument(f"quality: {quality} is not between 1 and 100; 90 is usual")
        if limit < 0:
            raise WrongArgument(f"limit: {limit} is not a number of frames: give one above 0, or 0 for all")
        if not LEAST_PATIENCE <= patience < math.inf:
            raise WrongArgument(
                f"patience: {patience} is not a number of seconds from {LEAST_PATIENCE:g} on; 20 is usual"
            )
        found = recognised(source)
        if pace not in PACES or (pace and found.kind != "recording"):
            raise WrongArgument(f'pace: "{pace}" is not for {named(source)}: real is for recordings, leave it out else')
        stream = _stream(stream, source, found)
        return cls(
            source=source,
            shown=named(source),
            kind=found.kind,
            ends=found.ends,
            live=found.live,
            engine=_engine(engine, found.kind, source),
            rate=rate,
            size=_size(size),
            quality=quality,
            limit=limit,
            stream=stream,
            prefix=f"{stream}-{_start()}" if found.live else stream,
            patience=patience,
            reopen=reopen,
            real=pace == "real",
        )

    @property
    def title(self) -> str:
        """What the log calls the source."""
        return "the test camera" if self.kind == "camera" else self.shown

    def name(self, number: int) -> str:
        """The file name of frame `number`; numbers count the frames that are kept, from 0."""
        return f"{self.prefix}-{number:08d}.jpg"


def _engine(engine: str, kind: str, source: str) -> str:
    """The engine that reads the source; `auto` is PyAV where that can."""
    if engine not in ENGINES:
        raise WrongArgument(f'engine: there is no "{engine}": give auto, av or gstreamer')
    if kind in OWN_ENGINES:
        if engine != "auto":
            raise WrongArgument(f"engine: {engine} does not read {PICTURES[kind]} ({named(source)}): use engine: auto")
        return OWN_ENGINES[kind]
    if engine == "av" and kind in GSTREAMER_ONLY:
        raise WrongArgument(f"engine: av cannot read {named(source)}: use engine: gstreamer, or auto")
    if engine != "gstreamer" and kind not in GSTREAMER_ONLY:
        return "av"
    if shown(source) != source:
        cure = "" if kind in GSTREAMER_ONLY else ": use engine: av"
        raise WrongArgument(
            f"source: gstreamer would show the secret in {named(source)} to every user of this machine{cure}"
        )
    return "gstreamer"


def _size(size: str) -> tuple[int, int] | None:
    if not size:
        return None
    sides = SIZE.fullmatch(size)
    if not sides or max(int(sides[1]), int(sides[2])) > MAX_SIDE:
        raise WrongArgument(f'size: "{size}" is not a width and a height of 1 to {MAX_SIDE} pixels, such as 640x360')
    return int(sides[1]), int(sides[2])


def _stream(stream: str, source: str, found: Source) -> str:
    """The stream's name: as asked for, else the clip's stem or the images' folder, else the node's name."""
    if not stream:
        path = Path(shown(source))
        own = {"camera": CLIP_CAMERA, "images": path.absolute().parent.name, "clip": path.stem}
        own["recording"] = own["clip"] if path.is_file() else own["images"]
        stream = (called() if found.live else own[found.kind]).lstrip(".")
    fits = 0 < len(os.fsencode(stream)) <= MAX_STREAM
    if not fits or stream.startswith(".") or "/" in stream or any(ord(letter) < 32 for letter in stream):
        raise WrongArgument(
            f"stream: {stream!r} cannot begin a file name: give stream: a name of at most {MAX_STREAM} bytes,"
            " without a slash, a line break or a dot in front"
        )
    return stream


def _start() -> str:
    """What tells this start of a live source from every other."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"
