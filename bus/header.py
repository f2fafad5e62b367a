"""The first part of everything on a wire: a small JSON object of a known version, whose fields are checked here."""

import json
import os
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

VERSION = 1  # of the protocol in docs/wire.md
MAX_HEADER = 64 * 1024  # bytes
MAX_ID = 100  # characters of an epoch or incarnation
LARGEST = 2**63 - 1  # of any number in a header, so that every language can hold it
PLAIN = "/ !#$&'()*+,:;=?@[]~"  # characters of a name that need no percent-encoding


_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)  # json.dumps would make one each time
_decoder = json.JSONDecoder()
_absent = object()


class Malformed(ValueError):
    """Raised when parts from the wire are not a message of this protocol."""


def text(value: Any) -> str:
    """`value` as JSON. Raises ValueError for what JSON has not, such as NaN, and TypeError."""
    return _encoder.encode(value)


def pack(header: dict[str, Any]) -> bytes:
    return _encoder.encode(header).encode()


def unpack(part: bytes) -> dict[str, Any]:
    """The header in `part`. Raises Malformed unless it is a JSON object of this version and of bearable size."""
    if len(part) > MAX_HEADER:
        raise Malformed(f"a header of more than {MAX_HEADER} bytes")
    try:
        header = _decoder.decode(part.decode())
    except (ValueError, RecursionError):
        raise Malformed("a header that is not JSON") from None
    if not isinstance(header, dict) or type(header.get("v")) is not int or header["v"] != VERSION:
        raise Malformed(f"a header that is not of version {VERSION} of the wire")
    return header


def check(fields: dict[str, Any], shape: dict[str, Any], what: str) -> None:
    """Raise Malformed, naming the field of `what`, unless all fields in `shape` are there and fit (see `fits`)."""
    for field, inner in shape.items():
        value = fields.get(field, _absent)
        if type(value) is inner and inner is not int:
            continue  # as most of them
        if value is _absent:
            raise Malformed(f"{what} without {field}")
        if not fits(value, inner):
            raise Malformed(f"{what} whose {field} is of a wrong kind")


def check_some(fields: dict[str, Any], shape: dict[str, Any], what: str) -> None:
    """The same for fields that may be left out."""
    for field, inner in shape.items():
        if field in fields and not fits(fields[field], inner):
            raise Malformed(f"{what} whose {field} is of a wrong kind")


def fits(value: Any, shape: Any) -> bool:
    """Whether `value` is of this shape.

    A shape is a type (an int is 0 to LARGEST), a set of the texts that are allowed, `[shape]` for a list of any length,
    or `(shape, …)` for a list of just these.
    """
    if shape is int:
        return type(value) is int and 0 <= value <= LARGEST
    kind = type(shape)
    if kind is type:
        return type(value) is shape
    if kind is set:
        return type(value) is str and value in shape
    if type(value) not in (list, tuple):  # never a tuple from JSON
        return False
    if kind is list:
        return not value or all(map(fits, value, shape * len(value)))
    return len(value) == len(shape) and all(map(fits, value, shape))


def to_wire(name: str) -> str:
    """A file name as JSON can hold it: bytes beyond printable ASCII, and the percent sign, are percent-encoded."""
    if name.isascii() and name.isprintable() and "%" not in name:
        return name
    return quote_from_bytes(os.fsencode(name), safe=PLAIN)


def from_wire(name: str) -> str:
    """What `to_wire` made, or plain Unicode, as a file name. Raises Malformed."""
    if name.isascii() and "%" not in name:
        return name
    try:
        return os.fsdecode(unquote_to_bytes(name))
    except UnicodeEncodeError:
        raise Malformed("a name with half a surrogate pair") from None
