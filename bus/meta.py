"""A message's meta: what its fields are called, and what each of them may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bus.encoding import FORMATS, RAW_MODES
from bus.header import MAX_HEADER, Malformed, check, check_some, fits, text, to_wire

if TYPE_CHECKING:
    from bus.message import Message

MAX_META = MAX_HEADER - 1024  # bytes of a message's meta, as JSON: the rest of the header is small
MAX_DATA = MAX_HEADER // 2  # bytes of .data, likewise
REQUIRED = {"stream": str, "name": str, "captured": int, "time": {"captured", "written"}, "hops": [(str, int)]}
BODY = {
    "raw": (set(RAW_MODES), int, int),
    "file": str,
    "empty": bool,
    "encoded": {*FORMATS} - {"raw"},
}  # what it carries
OPTIONAL = {"data": dict, **BODY}


def facts(message: Message) -> dict[str, Any]:
    """Who and when, without what it carries."""
    meta: dict[str, Any] = {
        "stream": message.stream,
        "number": None if message.number is None else int(message.number),
        "name": to_wire(message.name),
        "captured": int(message.captured),
        "time": message.time,
        "hops": message.hops,
    }
    if message.data:
        meta["data"] = message.data
    return meta


def packed(meta: dict[str, Any]) -> str:
    """`meta` as JSON. Raises ValueError if it, or the data in it, are too large, or are no JSON."""
    packed = text(meta)
    if len(packed) > MAX_DATA and (size := len(text(meta.get("data", {})))) > MAX_DATA:
        raise ValueError(f"data of {size} bytes; at most {MAX_DATA} travel with a message: use its payload")
    if len(packed) > MAX_META:
        raise ValueError(f"{len(packed)} bytes of facts; at most {MAX_META} travel with a message: use its payload")
    return packed


def without_body(meta: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in meta.items() if field not in BODY}


def check_meta(meta: dict[str, Any]) -> None:
    """Raise Malformed unless all its fields are what they may be."""
    check(meta, REQUIRED, "a message")
    number = meta.get("number")
    if not (number is None or fits(number, int)):
        raise Malformed("a message whose number is of a wrong kind")
    check_some(meta, OPTIONAL, "a message")
