"""What a splitter can read: which kind of source a line of the graph names, and whether it has an end."""

import glob
import os
import re
from pathlib import Path
from typing import NamedTuple

from bus import shown

CLIP_CAMERA, LIVE_CAMERA = "test", "test:forever"
PIPELINE = "gst:"  # what a pipeline of GStreamer's elements begins with
RECORDING = ".mcap"  # what the names of recordings end with
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)")  # its scheme, and its host and port
PASSWORD = re.compile(r"(://[^/@:\s]*:)(?!\$\{)[^/@\s]+@")
SCHEMES = {"http": "http", "https": "http", "rtsp": "rtsp", "rtsps": "rtsp", "srt": "srt", "udp": "udp"}
EXAMPLES = {
    "http": "http://host:8090/test1.mpg",
    "rtsp": "rtsp://host/1",
    "srt": "srt://host:9000",
    "udp": "udp://:5000",
}
KNOWN = 'give a clip, a recording, an address (rtsp, http, https, srt, udp), /dev/video0, "*.png", gst: … or test'


class WrongArgument(Exception):
    """What was asked for cannot be done; the words name it and the cure."""

    code = 2


class Source(NamedTuple):
    """One source, recognised and checked as far as it can be without opening it."""

    kind: str  # camera, clip, images, recording, http, rtsp, srt, udp, device or pipeline
    ends: bool | None  # whether its end is the end of the work; None: opening it will tell

    @property
    def live(self) -> bool:
        """Whether it cannot be counted on to be the same when it is read again."""
        return self.ends is not True


def recognised(source: str) -> Source:
    """The source that `source` names. Raises WrongArgument."""
    if not source:
        raise WrongArgument(f"source: is empty: {KNOWN}")
    if source in (CLIP_CAMERA, LIVE_CAMERA):
        return Source("camera", source == CLIP_CAMERA)
    if source.startswith(PIPELINE):
        if not source.removeprefix(PIPELINE).strip():
            raise WrongArgument('source: gst: names no elements: give a pipeline, such as "gst: libcamerasrc"')
        return Source("pipeline", False)
    if url := URL.match(source):
        return _address(source, url[1], url[2])
    try:
        if source.startswith("/dev/") and not Path(source).is_file() and not glob.has_magic(source):
            return Source("device", False)  # it may be plugged in later
        if glob.has_magic(source) and not Path(source).exists():
            return _images(source)
        return _clip(source)
    except OSError as error:  # a name that no file can have, or a folder that this user may not enter
        raise WrongArgument(f"source: cannot look at {_place(source)}: {error.strerror}: {KNOWN}") from None


def _address(source: str, scheme: str, host: str) -> Source:
    if scheme != scheme.lower():
        raise WrongArgument(f"source: {named(source)}: write {scheme.lower()}:// in small letters")
    if scheme not in SCHEMES:
        raise WrongArgument(f"source: {named(source)}: {scheme} is not read: {KNOWN}")
    kind = SCHEMES[scheme]
    if not host:
        raise WrongArgument(f"source: {named(source)} names no host: give one like {EXAMPLES[kind]}")
    if kind in ("udp", "srt") and not re.search(r":[0-9]{1,5}$", host):
        raise WrongArgument(f"source: {named(source)} names no port: give one like {EXAMPLES[kind]}")
    return Source(kind, None if kind == "http" else False)


def _images(source: str) -> Source:
    if not glob.glob(source, recursive=True):  # noqa: PTH207 - Path.glob takes no absolute pattern
        raise WrongArgument(f'source: no file matches {_place(source)}: give another pattern, such as "images/*.png"')
    return Source("recording" if source.endswith(RECORDING) else "images", True)


def _clip(source: str) -> Source:
    path, place = Path(source), _place(source)
    if not path.exists():
        raise WrongArgument(f"source: there is no file {place}: {KNOWN}")
    if path.is_dir():
        raise WrongArgument(f'source: {place} is a folder: give a clip, or the images in it, such as "{source}/*.png"')
    if not path.is_file():
        raise WrongArgument(f"source: {place} is not a regular file: {KNOWN}")
    if not os.access(path, os.R_OK):
        raise WrongArgument(f"source: {place} may not be read by this user: chmod u+r it, or start as its owner")
    return Source("recording" if source.endswith(RECORDING) else "clip", True)


def _place(source: str) -> Path | str:
    """The path as words: absolute, unless a secret is in it."""
    return Path(source).absolute() if shown(source) == source else shown(source)


def named(source: str) -> str:
    """The source for lines, marks and messages: as it was written, and without a password that was written into it."""
    return PASSWORD.sub(r"\1***@", shown(source))
