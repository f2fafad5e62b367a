"""Dead letters of an owner that has no file to set aside: the payload that it still holds, and the reason beside it."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from bus.durable import FOLDER, opened, sync_files, sync_folder, sync_way
from bus.message import Message
from bus.picture import Undecodable, encode

MAX_NAME = 200  # characters of a file's name, which leaves room for a number and .txt
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def set_aside(folder: Path, meta: dict[str, Any], payload: bytes, reason: str) -> Path:
    """Write the message (`meta`, `payload`) below `folder` under its own name, numbered if that exists.

    It is on the disk when this returns: who sent it lets go of it then. Raises OSError.
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
    while True:
        try:
            _write(folder / name, payload, "xb")
            break
        except FileExistsError:
            count += 1
            name = f"{stem}.{count}{dot}{suffix}".lstrip(".")
    _write(folder / f"{name}.txt", f"{reason}\n".encode(errors="surrogateescape"), "wb")
    with opened(folder, FOLDER) as descriptor:
        sync_folder(descriptor)
    sync_way(folder)
    return folder / name


def _write(path: Path, content: bytes, mode: str) -> None:
    with open(path, mode) as file:
        file.write(content)
        file.flush()
        sync_files([file.fileno()])
