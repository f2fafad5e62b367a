"""Saving results: the one way in which every node of ours puts images into a folder."""

import math
import re
import time
from pathlib import Path

from PIL import Image

from bus import Message, encode, outside, show, step, wait
from media.saving.atomic import AtomicFolder, File
from media.saving.names import BY, KINDS, named_as, place, source_name
from media.saving.retention import Retention
from media.storage.disk import MISTAKES

GROUP = 8  # results that share their fsyncs; more gains little, and makes each wait longer for the last
TOGETHER = 0.05  # seconds after which a group ends with the next result: those of a slow node wait for no other
RETRY = 0.5  # seconds until a disk that failed is tried again
REMIND = 30.0  # seconds between two lines about a disk that goes on failing

# How a file of each format begins.
BEGINNINGS = {"jpg": rb"\xff\xd8\xff", "png": rb"\x89PNG\r\n\x1a\n", "webp": rb"(?s:RIFF....WEBP)"}


class Results:
    """A folder of results, named after their frames, each whole, in groups that share their fsyncs.

    `add` what belongs to a group, then `commit`: when that returns, the group is in place and on the disk. One that
    takes longer than TOGETHER is committed in parts.
    """

    def __init__(
        self, folder: str, *, format: str = "", quality: int = 90, sync: bool = True, by: str = "", retain: str = ""
    ) -> None:
        """Without `format` encoded images are saved as they came, raw pixels as jpg.

        `by` is explained in media/saving/names.py, `retain` in media/saving/retention.py. Raises ValueError,
        a sentence for the user, for arguments that cannot be right.
        """
        if format and format not in KINDS:
            raise ValueError(f'cannot write format "{format}". There are: {", ".join(KINDS)}')
        if not 1 <= quality <= 100:
            raise ValueError(f"quality is {quality}, but goes from 1 to 100")
        if by not in BY:
            raise ValueError(f'cannot sort results by "{by}". There are: {", ".join(filter(None, BY))}')
        self._format, self._quality, self._by = format, quality, by
        self._folder = AtomicFolder(Path(folder).absolute(), sync)
        self._make_folder()
        self._retention = Retention(self._folder.path, retain) if retain else None
        self._group: list[File] = []
        self._began = time.monotonic()  # when the last group was through, and so this one began
        cost = "" if sync else ", not fsynced: a power cut may take the latest results"
        print(f"saves below {self._folder.path}{cost}")

    def add(self, frame: Message, image: Image.Image | bytes | None = None) -> None:
        """Make `image` the result of `frame`, or the frame itself. It is in place after `commit`, or before.

        Bytes are saved as they are: a file of the format that was asked for.

        Raises ValueError, with the reason for a dead letter, for a name that must not become a path, and for an image
        that cannot be decoded, or encoded in this format. A name that the file system refuses is rejected by `commit`.
        """
        content, format = self._content(frame, image)
        show(frame.replace(content))
        parts = place(frame, named_as(source_name(frame), format), self._by)
        self._group.append(File(parts, content, frame.reject))
        if time.monotonic() - self._began > TOGETHER:
            self.commit()

    def commit(self) -> None:
        """Put the group in place, however long the disk refuses. Raises Stopped when the node is to stop meanwhile."""
        group, self._group = self._group, []
        if group:
            with step("commit"):
                self._write(group)
            self._keep_up(group)
        self._began = time.monotonic()

    def _content(self, frame: Message, image: Image.Image | bytes | None) -> tuple[bytes, str]:
        """What to save, and the format that its name must say; none if the name is right as it came."""
        if isinstance(image, bytes):
            return image, self._format
        if image is None and frame.encoded:
            content = frame.bytes
            found = _format_of(content)
            if self._format in ("", found):
                return content, self._format or ("" if frame.name and not frame.encoding else found)
        format = self._format or "jpg"
        return _encoded(frame.image if image is None else image, format, self._quality), format

    def _write(self, group: list[File]) -> None:
        trouble, said = "", -math.inf  # the last one, and when it was said
        while True:
            try:
                with outside(f"saves below {self._folder.path}"):
                    self._folder.write(group)
            except OSError as error:
                words = f"cannot save below {self._folder.path}: {error.strerror}; waiting until it works"
                if words != trouble or time.monotonic() - said > REMIND:
                    trouble, said = words, time.monotonic()
                    print(words)
                wait(words, RETRY)
                self._keep_up([])  # what has become too old meanwhile may be what fills the disk
            else:
                if trouble:
                    print(f"saves below {self._folder.path} again")
                return

    def _keep_up(self, new: list[File]) -> None:
        if self._retention:
            self._retention.keep_up(len(new), sum(len(file.content) for file in new))

    def _make_folder(self) -> None:
        try:
            self._folder.make()
        except OSError as error:
            if error.errno in MISTAKES:
                words = f"cannot save below {self._folder.path}: {error.strerror}; give another folder"
                raise ValueError(words) from None
            print(f"cannot save below {self._folder.path} yet: {error.strerror}; tries again with the first result")


def _encoded(image: Image.Image, format: str, quality: int) -> bytes:
    try:
        return encode(image, format, quality)
    except (OSError, ValueError) as error:  # Pillow's words for an image that this format cannot hold
        raise ValueError(f"cannot encode {image.width}x{image.height} {image.mode} as {format}: {error}") from None


def _format_of(content: bytes) -> str:
    """Which format `content` begins like; empty for any other."""
    return next((format for format, beginning in BEGINNINGS.items() if re.match(beginning, content)), "")
