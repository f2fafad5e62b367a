"""Dead letters of an owner that has no file to set aside: the payload that it still holds, and the reason beside it."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from bus.message import Message
from bus.picture import Undecodable, encode

MAX_NAME = 200  # characters of a file's name, which leaves room for a number and .txt
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def set_aside(folder: Path, meta: dict[str, Any], payload: bytes, reason: str) -> Path:
    """Write the message (`meta`, `payload`) below `folder` under its own name, numbered if that is taken; its path.

    The reason is in a note beside it.
    """
    message = Message.load(meta, payload)
    wish = message.name or f"{message.stream or 'message'}-{message.number}"
    stem, dot, suffix = UNSAFE.sub("_", wish)[-MAX_NAME:].rpartition(".")
    if "raw" in meta:
        mode, *size = meta["raw"]
        pixels = Image.frombytes(mode, tuple(size), payload)  # also if they are too many for a node: they are here
        stem, dot, suffix, payload = stem or suffix, ".", "png", encode(pixels, "png")
    elif message.file is not None:
        with suppress(FileNotFoundError, Undecodable):  # gone, or too large: the reason, which names it, must do
            payload = message.bytes
    folder.mkdir(parents=True, exist_ok=True)
    count, name = 1, f"{stem}{dot}{suffix}".lstrip(".") or "message"
    while not _written(folder / name, payload, reason):
        count += 1
        name = f"{stem}.{count}{dot}{suffix}".lstrip(".")
    return folder / name


def _written(file: Path, payload: bytes, reason: str) -> bool:
    """Write the file, and first its note; neither if one of them exists."""
    note = file.with_name(f"{file.name}.txt")
    try:
        with open(note, "x", errors="surrogateescape") as words:
            words.write(reason + "\n")
    except FileExistsError:
        return False
    try:
        with open(file, "xb") as content:
            content.write(payload)
    except FileExistsError:
        note.unlink()
        return False
    return True
