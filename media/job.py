"""What a splitter is asked to do: every argument is checked here, before anything is opened."""

import math
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from bus import shown

CLIP_CAMERA, LIVE_CAMERA = "test", "test:forever"
ENGINES = ("auto", "av", "gstreamer")
URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)", re.IGNORECASE)  # its scheme, and its host and port
SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")
MAX_SIDE = 9000  # pixels: a frame of 9000x9000 is within what other nodes decode
MAX_STREAM = 200  # bytes: leaves room for the start and the number in a file name of 255 bytes
UNNAMED = "splitter"  # the stream of a live source for which the graph gives no name


class WrongArgument(Exception):
    """What was asked for cannot be done; the words name it and the cure."""

    code = 2


class BadData(Exception):
    """The source cannot be read, or not to its end; the words say where and why."""

    code = 65


@dataclass(frozen=True)
class Job:
    """What to read, how, and what to call it."""

    source: str  # what is opened
    shown: str  # the same as it was written: for lines, marks and names
    kind: str  # camera, clip (a file) or stream (http)
    live: bool  # whether it cannot be read again from its start
    engine: str  # camera, av or gstreamer
    rate: float  # frames a second at most; 0: all of them
    size: tuple[int, int] | None  # width and height in pixels; None: as they are
    quality: int  # of the JPEG files, 1 to 100
    limit: int  # frames in all; 0: all of them
    stream: str
    prefix: str  # what the name of each frame begins with

    @classmethod
    def checked(
        cls, source: str, *, engine: str, rate: float, size: str, quality: int, limit: int, stream: str
    ) -> "Job":
        """The job that these arguments of a splitter describe. Raises WrongArgument."""
        if not math.isfinite(rate) or rate < 0:
            raise WrongArgument(f"rate: {rate} is not a number of frames a second: give one above 0, or 0 for all")
        if not 1 <= quality <= 100:
            raise WrongArgument(f"quality: {quality} is not between 1 and 100; 90 is usual")
        if limit < 0:
            raise WrongArgument(f"limit: {limit} is not a number of frames: give one above 0, or 0 for all")
        kind, live = _recognise(source)
        stream = _stream(stream, source, live)
        return cls(
            source=source,
            shown=shown(source),
            kind=kind,
            live=live,
            engine=_engine(engine, kind, source),
            rate=rate,
            size=_size(size),
            quality=quality,
            limit=limit,
            stream=stream,
            prefix=f"{stream}-{_start()}" if live else stream,
        )

    def name(self, number: int) -> str:
        """The file name of frame `number`; numbers count the frames that are kept, from 0."""
        return f"{self.prefix}-{number:08d}.jpg"


def _recognise(source: str) -> tuple[str, bool]:
    """The kind of source this is, and whether it is live."""
    if source in (CLIP_CAMERA, LIVE_CAMERA):
        return "camera", source == LIVE_CAMERA
    if url := URL.match(source):
        if url[1].lower() not in ("http", "https"):
            raise WrongArgument(f"source: {shown(source)}: {url[1]} is not read; give http, https, a file or test")
        if not url[2]:
            raise WrongArgument(f"source: {shown(source)} names no host: give one like http://host:8090/test1.mpg")
        return "stream", True
    path = Path(source).absolute()
    where = path if shown(source) == source else shown(source)
    if not source:
        raise WrongArgument("source: is empty: give a clip, an http stream, or test")
    if not path.exists():
        raise WrongArgument(f"source: there is no file {where}: give a clip, an http stream, or test")
    if not path.is_file():
        raise WrongArgument(f"source: {where} is {'a folder' if path.is_dir() else 'not a regular file'}: give a clip")
    if not os.access(path, os.R_OK):
        raise WrongArgument(f"source: {where} may not be read by this user: chmod u+r it, or start as its owner")
    return "clip", False


def _engine(engine: str, kind: str, source: str) -> str:
    if engine not in ENGINES:
        raise WrongArgument(f'engine: there is no "{engine}": give auto, av or gstreamer')
    if engine != "gstreamer":
        return "camera" if kind == "camera" else "av"
    if kind == "camera":
        raise WrongArgument(f"engine: gstreamer does not draw the test camera ({source}): use engine: auto")
    if shown(source) != source:
        raise WrongArgument(
            f"engine: gstreamer would show the secret in {shown(source)} to every user of this machine: use engine: av"
        )
    return engine


def _size(size: str) -> tuple[int, int] | None:
    if not size:
        return None
    sides = SIZE.fullmatch(size)
    if not sides or max(int(sides[1]), int(sides[2])) > MAX_SIDE:
        raise WrongArgument(f'size: "{size}" is not a width and a height of 1 to {MAX_SIDE} pixels, such as 640x360')
    return int(sides[1]), int(sides[2])


def _stream(stream: str, source: str, live: bool) -> str:
    """The stream's name: as asked for, else the clip's stem. It becomes part of file names."""
    stream = stream or (UNNAMED if live else Path(shown(source)).stem.lstrip("."))
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
