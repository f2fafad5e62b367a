"""A clip as a phone that is held upright records it: lying pictures, and a note that they are to be turned."""

import struct
from pathlib import Path

from tests.conftest import make_clip


def make_phone_clip(path: Path) -> Path:
    """Write an mp4 of two frames that are stored as 96x64 and shown as 64x96."""
    body = bytearray(make_clip(path, frames=2, size="96x64").read_bytes())
    at = body.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2: the track's matrix, nine 16.16 and 2.30 fixed-point numbers
    assert body[at : at + 4] == struct.pack(">i", 1 << 16)
    body[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(body)
    return path
