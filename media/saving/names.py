"""Where a result goes: a path below the folder, worked out from the frame alone.

Nothing is remembered, so the same frame gets the same path after a restart and in every replica.
"""

import os
import time
from pathlib import PurePosixPath

from bus import SUFFIXES, Message

KINDS = {"jpg": (".jpg", ".jpeg"), "png": (".png",), "webp": (".webp",)}  # format -> the suffixes that say so
BY = ("", "hour", "stream", "stream/hour")

LONGEST_PART = 255  # bytes; what file systems allow
MOST_PARTS = 32  # folders in folders; more is an attack, or a mistake


def source_name(frame: Message) -> str:
    """The frame's name; its stream and number (or time) if it has none."""
    if frame.name:
        return frame.name
    return f"{frame.stream or 'frame'}-{frame.captured if frame.number is None else f'{frame.number:08d}'}"


def named_as(name: str, format: str) -> str:
    """`name` as the name of a file of `format`: as it is if its suffix says so already, else with the suffix added.

    Without a format it stays as it is.

    `a.jpg` stays and `a.png` becomes `a.png.jpg`, so the two never meet; nor does a source called `a.png.jpg`, which
    becomes `a.png.jpg.jpg`. Only a name without any image's suffix may meet another: `a` becomes `a.jpg`.
    """
    if not format:
        return name
    path = PurePosixPath(name)
    fits = path.suffix.lower() in KINDS[format]
    doubled = PurePosixPath(path.stem).suffix.lower() in SUFFIXES
    return name if fits and not doubled else f"{name}.{format}"


def place(frame: Message, name: str, by: str) -> tuple[str, ...]:
    """The parts of the path for a result called `name`, in the folders that `by` asks for.

    `hour`: YYYY-MM-DD/HH, UTC, when the frame was captured. `stream`: the frame's stream. `stream/hour`: both.
    Raises ValueError, with the reason for a dead letter, for what must not become a path.
    """
    folders = [_folder(frame, key) for key in by.split("/") if key]
    parts = tuple("/".join([*folders, name]).split("/"))
    for part in parts:
        if not part or part.startswith("."):
            raise ValueError(f"cannot save as {name!r}: not a path below the folder, or a hidden one")
        if "\0" in part or not _length(part):
            raise ValueError(f"cannot save as {name!r}: no file can have such a name")
        if _length(part) > LONGEST_PART:
            raise ValueError(f"cannot save as {name!r}: a name of over {LONGEST_PART} bytes")
    if len(parts) > MOST_PARTS:
        raise ValueError(f"cannot save as {name[:80]!r}…: more than {MOST_PARTS} folders deep")
    return parts


def _length(part: str) -> int:
    """In bytes; 0 for what is no text."""
    try:
        return len(os.fsencode(part))
    except UnicodeEncodeError:
        return 0


def _folder(frame: Message, key: str) -> str:
    if key == "stream":
        return frame.stream or "unnamed"
    try:
        return time.strftime("%Y-%m-%d/%H", time.gmtime(frame.captured // 1_000_000_000))
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"cannot save {frame.name!r} by hour: {frame.captured} ns is no date") from None
