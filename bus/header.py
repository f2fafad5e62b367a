"""The first part of everything on a wire: a small JSON object of a known version."""

import json
import os
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

VERSION = 0  # of the protocol in docs/wire.md
MAX_HEADER = 64 * 1024  # bytes
PLAIN = "/ !#$&'()*+,:;=?@[]~"  # characters of a name that need no percent-encoding


class Malformed(ValueError):
    """Raised when parts from the wire are not a message of this protocol."""


def pack(header: dict[str, Any]) -> bytes:
    return json.dumps(header, separators=(",", ":")).encode()


def unpack(part: bytes) -> dict[str, Any]:
    """The header in `part`. Raises Malformed unless it is a JSON object of this version and of bearable size."""
    if len(part) > MAX_HEADER:
        raise Malformed(f"a header of {len(part)} bytes; at most {MAX_HEADER} are allowed")
    try:
        header = json.loads(part)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"a header that is not JSON: {error}") from None
    if not isinstance(header, dict) or header.get("v") != VERSION:
        raise Malformed(f"not a header of version {VERSION} of the wire")
    return header


def to_wire(name: str) -> str:
    """A file name as JSON can hold it: bytes beyond printable ASCII, and the percent sign, are percent-encoded."""
    if name.isascii() and name.isprintable() and "%" not in name:
        return name
    return quote_from_bytes(os.fsencode(name), safe=PLAIN)


def from_wire(name: str) -> str:
    return os.fsdecode(unquote_to_bytes(name)) if "%" in name else name
