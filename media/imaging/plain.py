"""Which JPEGs are given to another decoder than Pillow: those as cameras and encoders write them."""

import re
from typing import NamedTuple

START_OF_FRAME, START_OF_SCAN, COMMENT = 0xC0, 0xDA, 0xFE
UNUSUAL = (*range(0xC1, 0xC4), *range(0xC5, 0xD0))  # other kinds of JPEG than baseline
LARGEST = 2**25  # pixels; Pillow's path checks the rest
LONGEST = 2**26  # bytes
SEGMENTS = 200  # before the picture
MARKER = re.compile(rb"\xff[^\0\xd0-\xd7]")  # in a scan, where only restarts and stuffing belong


class Plain(NamedTuple):
    """What the segments before its picture say."""

    bands: int
    height: int
    width: int
    comment: bytes


def plain(data: bytes) -> Plain | None:
    """What a JPEG says that is whole, baseline, grey or YCbCr in one scan, of 8 bits; None for any other file.

    It has no EXIF, which may want it turned, no colour profile, and no marker in its scan, at which decoders part.
    """
    if not data.startswith(b"\xff\xd8") or len(data) > LONGEST:
        return None
    at, size, comment = 2, None, b""
    for _ in range(SEGMENTS):
        if not re.match(rb"\xff[\xc0-\xfe]", data[at : at + 2]) or len(data) < at + 20:
            return None
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker == START_OF_SCAN:
            is_whole = size and body[:1] == bytes([size[0]]) and _ends(data, at + 2 + length)
            return Plain(*size, comment) if size and is_whole and b"Exif" not in data[:at] else None
        if marker == START_OF_FRAME:
            size = _size(body) if size is None else None
        odd = marker in UNUSUAL or (marker == START_OF_FRAME and size is None) or length < 2
        if odd or (marker == 0xE2 and body[:4] == b"ICC_") or (marker == 0xEE and _is_rgb(body)):
            return None
        if marker == COMMENT:
            comment = body
        at += 2 + length
    return None


def _ends(data: bytes, scan: int) -> bool:
    """Whether the scan is followed by the end, and the end by nothing."""
    found = MARKER.search(data, scan)
    return found is not None and found[0] == b"\xff\xd9" and found.end() == len(data)


def _size(body: bytes) -> tuple[int, int, int] | None:
    """Bands, height and width in the body of a start of frame."""
    if len(body) < 9:
        return None
    bands, height, width = body[5], int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    ids = body[6::3]
    usual = body[0] == 8 and bands in (1, 3) and len(ids) == bands and ids != b"RGB"
    return (bands, height, width) if usual and 0 < height * width <= LARGEST else None


def _is_rgb(body: bytes) -> bool:
    return body[:5] == b"Adobe" and body[11:12] != b"\1"
