"""A message's meta: what its fields are called, and what each of them may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bus.encoding import FORMATS
from bus.header import MAX_HEADER, Malformed, check, fits, to_wire
from bus.picture import RAW_MODES

if TYPE_CHECKING:
    from bus.message import Message

MAX_DATA = MAX_HEADER // 2  # bytes of .data, as JSON
REQUIRED = {"stream": str, "name": str, "captured": int, "time": {"captured", "written"}, "hops": [(str, int)]}
BODY = {
    "raw": (set(RAW_MODES), int, int),
    "file": str,
    "empty": bool,
    "encoded": {*FORMATS} - {"raw"},
}  # what it carries
OPTIONAL = {"data": dict, **BODY}


def facts(message: Message) -> dict[str, Any]:
    """Who and when, without what it carries. Raises ValueError if its data are too large, or no JSON."""
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
        if (size := len(json.dumps(message.data, allow_nan=False))) > MAX_DATA:
            raise ValueError(f"data of {size} bytes; at most {MAX_DATA} travel with a message: use its payload")
    return meta


def without_body(meta: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in meta.items() if field not in BODY}


def check_meta(meta: dict[str, Any]) -> None:
    """Raise Malformed unless all its fields are what they may be."""
    check(meta, REQUIRED, "a message")
    number = meta.get("number")
    if not (number is None or fits(number, int)):
        raise Malformed("a message whose number is of a wrong kind")
    check(meta, {field: shape for field, shape in OPTIONAL.items() if field in meta}, "a message")
