"""Image files that no library would write: made byte by byte, or cut open and put together again."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy
from PIL import Image

# 16x8 grey, the work of `cjpeg -arithmetic`: no Python library writes arithmetic coding.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYE"
    "pRUk//yQALCAAIABABAREA/8wABgAQEAX/2gAIAQEAAD8AzqiiW+QFnBSJbBaxEhKIPP/Z"
)

MB = 1024 * 1024
ADLER = 65521  # the prime of RFC 1950's checksum, of which zeros are counted alone


def picture(width: int = 48, height: int = 32, mode: str = "RGB") -> Image.Image:
    """A picture in which no two rows, columns or channels are alike."""
    down, across = numpy.indices((height, width))
    bands = [(down * 7 + across * 3) % 256, (across * 5) % 256, (down * across) % 256, 255 - (down + across) % 200]
    pixels = numpy.stack(bands, axis=-1).astype(numpy.uint8)
    return Image.fromarray(pixels if mode == "RGBA" else pixels[..., :3]).convert(mode)


def saved(format: str, image: Image.Image | None = None, **options: Any) -> bytes:
    body = io.BytesIO()
    (image or picture()).save(body, format, **options)
    return body.getvalue()


def zeros(count: int) -> bytes:
    """What zlib makes of so many zeros, in next to no time: one piece of it, over and over."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    piece = deflate.compress(bytes(MB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    rest = deflate.compress(bytes(count % MB)) + deflate.flush()
    checksum = count % ADLER << 16 | 1
    return b"\x78\x9c" + piece * (count // MB) + rest + checksum.to_bytes(4, "big")


# ---- JPEG


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*segments: bytes, **options: Any) -> bytes:
    """A JPEG that has `segments` in front of all others."""
    body = saved("JPEG", **options)
    return body[:2] + b"".join(segments) + body[2:]


def without_jfif(body: bytes) -> bytes:
    """As cameras write it: what stands in EXIF is then asked for the resolution too."""
    start = body.index(b"\xff\xe0")
    return body[:start] + body[start + 2 + int.from_bytes(body[start + 2 : start + 4], "big") :]


def scans(count: int, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan comes `count` times."""
    body = saved("JPEG", Image.new("RGB", (side, side), "red"), progressive=True)
    last = body.rindex(b"\xff\xda")
    return body[:last] + body[last:-2] * count + body[-2:]


def segments(count: int) -> bytes:
    """A progressive JPEG with so many empty comments in front of its last scan."""
    body = saved("JPEG", Image.new("RGB", (64, 64), "red"), progressive=True)
    last = body.rindex(b"\xff\xda")
    return body[:last] + segment(0xFE, b"") * count + body[last:]


def hidden_scans(marker: int) -> bytes:
    """A progressive JPEG whose last scans would be skipped by whoever took what follows `marker` for a length."""
    body = saved("JPEG", Image.new("RGB", (64, 64), "red"), progressive=True, restart_marker_rows=1)
    last = body.rindex(b"\xff\xda")
    scan = body[last : body.index(b"\xff\xd0", last)]
    skipped = int.from_bytes(scan[:2], "big")
    hidden = scan * (skipped // len(scan))
    return body[:last] + scan + bytes((0xFF, marker)) + hidden.ljust(skipped, b"\0") + body[-2:]


def frame_header(body: bytes, at: int, value: bytes) -> bytes:
    """`body` with `value` at the offset `at` of its SOF segment's content: 0 is the precision, 1 height, 3 width."""
    start = next(body.index(sof) for sof in (b"\xff\xc0", b"\xff\xc2") if sof in body) + 4
    return body[: start + at] + value + body[start + at + len(value) :]


# ---- EXIF


def exif(orientation: int) -> bytes:
    made = Image.Exif()
    made[0x0112] = orientation
    return made.tobytes()


def directory(*entries: tuple[int, int, int, int], tail: bytes = b"") -> bytes:
    """EXIF with these (tag, type, count, value or offset), and `tail` behind them."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + body + tail


def overlapping() -> bytes:
    """Fifty thousand values in 600 kB of EXIF, each nearly all of it: 30 GB for whoever reads them."""
    return directory(*((tag, 7, 600_000, 8) for tag in range(0x1000, 0x1000 + 50_000)))


def in_blocks(exif: bytes) -> bytes:
    """`exif` in as many segments of a JPEG as it needs."""
    prefix, body, most = exif[:6], exif[6:], 65_000
    return b"".join(segment(0xE1, prefix + body[at : at + most]) for at in range(0, len(body), most))


# ---- PNG


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, pixels: bytes, *chunks: bytes, bits: int = 8, colour: int = 2, adam7: int = 0
) -> bytes:
    """`pixels` are rows with their filter bytes; `colour` 0 is grey, 2 RGB, 3 palette, 4 LA, 6 RGBA."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, adam7))
    end = chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + end


def rows(pixels: numpy.ndarray[Any, Any]) -> bytes:
    """Big-endian rows, each with the filter byte 0 in front."""
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def interlaced() -> bytes:
    """The seven passes of Adam7, from one pixel in 64 to every second row."""
    pixels = numpy.asarray(picture(24, 16))
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    parts = (pixels[top::down, left::right] for top, down, left, right in passes)
    return png(24, 16, b"".join(map(rows, parts)), adam7=1)


def deep(colour: int, bands: int) -> bytes:
    pixels = numpy.arange(8 * 6 * bands, dtype=">u2").reshape(6, 8 * bands) * 200
    return png(8, 6, rows(pixels.astype(">u2")), bits=16, colour=colour)


# ---- BMP and WEBP


def short_runs(side: int) -> bytes:
    """A square BMP of which each pixel is a run length of its own, all in the colour 7."""
    return bmp(side, side, 8, (b"\1\7" * side + b"\0\0") * side + b"\0\1", compression=1)


def bmp(
    width: int, height: int, bits: int, body: bytes, compression: int = 0, offset: int = 0, head: int = 40
) -> bytes:
    palette = b"".join(bytes((n, 255 - n, n // 2, 0)) for n in range(2**bits)) if bits <= 8 else b""
    start = offset or 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", head, width, height, 1, bits, compression, len(body), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + palette + body


def webp_canvas(width: int, height: int) -> bytes:
    """A moving WEBP of small pictures on a canvas that claims to be this large."""
    body = bytearray(saved("WEBP", save_all=True, append_images=[Image.new("RGB", (48, 32), "red")]))
    body[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(body)
