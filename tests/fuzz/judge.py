"""What is done with one case, and what came of it. Whatever is raised here is a bug that was found."""

import io
import json
import os
import struct
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

from bus import Message, Undecodable, encode
from bus.data import DATA, MESSAGE, PING
from bus.header import Malformed, check, pack, unpack
from bus.meta import packed
from bus.opening import SKIP
from bus.state import STATE, WHOLE
from media.saving.names import BY, named_as, place, source_name
from nodes.converter import converter

FILTERS = ("emboss", "grayscale", "invert", "equalize", {"rotate": 30}, {"resize": "64x"}, {"crop": "8x8+0+0"})
FORMATS = ("jpg", "png", "webp")


class Case(NamedTuple):
    """One input: an image file, the two parts of a message, or the one part of a state."""

    kind: str
    parts: tuple[bytes, ...]

    def dump(self) -> bytes:
        lengths = struct.pack(f"<{len(self.parts)}I", *map(len, self.parts))
        return json.dumps([self.kind, len(self.parts)]).encode() + b"\n" + lengths + b"".join(self.parts)

    @classmethod
    def load(cls, saved: bytes) -> "Case":
        head, _, body = saved.partition(b"\n")
        kind, count = json.loads(head)
        lengths, at, parts = struct.unpack_from(f"<{count}I", body), 4 * count, []
        for length in lengths:
            parts.append(body[at : at + length])
            at += length
        return cls(kind, tuple(parts))


def judge(case: Case, folder: Path) -> str:
    """The verdict; `folder` is the one that messages may name files in. Raises whatever a node would die of."""
    if case.kind == "image":
        return f"image {_image(case.parts[0])}"
    if case.kind == "state":
        return f"state {_state(case.parts[0])}"
    return f"message {_message(case.parts[0], case.parts[1], folder)}"


def _image(body: bytes) -> str:
    frame = Message(body, name="a.jpg")
    filter = FILTERS[len(body) % len(FILTERS)]
    with redirect_stdout(io.StringIO()):  # it says who converts
        changed = list(converter([frame], filter=filter))
    if not changed:
        _words(frame.reason)
        return "rejected"
    return _encoded(changed[0], FORMATS[len(body) % len(FORMATS)])


def _encoded(frame: Message, format: str) -> str:
    try:
        encode(frame.image, format)
    except (OSError, ValueError):  # as media/saving/results.py takes them: a dead letter
        return "converted, but not to be encoded"
    return "converted"


def _state(part: bytes) -> str:
    try:
        state = unpack(part)
        check(state, {**STATE, **WHOLE} if "open" in state else STATE, "a state")
    except Malformed as error:
        _words(str(error))
        return "malformed"
    return "understood"


def _message(head: bytes, payload: bytes, folder: Path) -> str:
    try:
        header = unpack(head)
        check(header, DATA, "a message")
        check(header, PING if header["kind"] == "ping" else MESSAGE, f"a {header['kind']}")
        if header["kind"] == "ping":
            return "ping"
        if header["kind"] == "skip":
            check(header["meta"], SKIP, "a skip")
            return "skip"
        message = Message.load(header["meta"], payload)
        message.open([folder])
    except (Malformed, OSError) as error:
        _words(str(error))
        return "malformed"
    try:
        return _used(message)
    finally:
        message.close()


def _used(message: Message) -> str:
    """A message as nodes use it: looked at, saved under its name, and passed on to a node that understands it again."""
    for by in BY:
        try:
            parts = place(message, named_as(source_name(message), "jpg"), by)
        except ValueError as error:
            _words(str(error))
        else:
            path = os.path.normpath("/".join(("/results", *parts)))
            assert path.startswith("/results/"), f"a result would lie at {path}"
            os.fsencode(path)
    repr(message)
    try:
        meta, payload = message.dump()
        head = pack({"v": 1, "meta": json.loads(packed(meta))})
    except ValueError as error:
        _words(str(error))
        return "not to be passed on"
    again = Message.load(unpack(head)["meta"], payload)
    assert (again.stream, again.number, again.name) == (message.stream, message.number, message.name)
    assert json.dumps(again.data) == json.dumps(message.data)
    try:
        return _encoded(message, "jpg") if message.array.size else "of no pixels"
    except (Undecodable, OSError) as error:
        _words(str(error))
        return "without an image"


def _words(reason: str | None) -> None:
    """A reason is one line that can be written, and tells nothing of the program's insides."""
    assert reason
    assert reason.encode(errors="surrogateescape")
    assert "\n" not in reason, reason
    assert " object at 0x" not in reason, reason
