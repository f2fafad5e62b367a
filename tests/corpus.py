"""Files as they may lie in a watched folder, and what becomes of each: one table."""

from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import Image

from tests.craft import (
    ARITHMETIC,
    bmp,
    chunk,
    deep,
    directory,
    exif,
    frame_header,
    hidden_scans,
    in_blocks,
    interlaced,
    jpeg,
    overlapping,
    picture,
    png,
    saved,
    scans,
    segment,
    segments,
    short_runs,
    webp_canvas,
    without_jfif,
    zeros,
)


class Case(NamedTuple):
    """A file; `reason` is that of its dead letter, without which it is converted as Pillow would."""

    name: str
    make: Callable[[], bytes]
    reason: str = ""
    like: Callable[[], bytes] | None = (
        None  # a plain file of the same picture, where Pillow is to be kept from this one
    )
    size: int = 0  # bytes to which a hole makes the file


NONE = "not a whole JPEG, PNG, WEBP or BMP image"
LARGE = "10000x10000 are 100000000 pixels; at most 89478485 are read"
PIECES = "it is made of millions of tiny pieces"
SCANS = "a JPEG of over 100 scans, each a pass over the whole image"
TEXTS = "the PNG has texts, or a colour profile, that unpack to over a megabyte"
SORT = "is damaged, or of a sort that is not read"


def damaged(kind: str) -> str:
    return f"the {kind} is cut short or damaged"


def enormous(kind: str) -> str:
    return f"the {kind} has over 178956970 pixels; at most 89478485 are read"


def zipped(kind: bytes, head: bytes, size: int) -> bytes:
    return chunk(kind, head + zeros(size))


def moving(format: str) -> bytes:
    return saved(format, save_all=True, append_images=[Image.new("RGB", (48, 32), "red")], duration=40)


def mode(name: str, format: str = "PNG") -> bytes:
    return saved(format, picture(mode=name))


SQUARE = bytes((8 * 3 + 1) * 8)  # 8x8, black
EIGHT = bytes(range(64))
CLEAN = saved("JPEG")

TABLE = [
    # ---- converted: JPEG
    Case("baseline.jpg", lambda: CLEAN),
    Case("progressive.jpg", lambda: saved("JPEG", progressive=True)),
    Case("arithmetic.jpg", lambda: ARITHMETIC),
    Case("grey.jpg", lambda: mode("L", "JPEG")),
    Case("cmyk.jpg", lambda: mode("CMYK", "JPEG")),
    Case("ycck.jpg", lambda: mode("CMYK", "JPEG").replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2")),
    Case("rgb.jpg", lambda: saved("JPEG", keep_rgb=True)),
    Case("restarts.jpg", lambda: saved("JPEG", restart_marker_rows=1)),
    Case("optimized.jpg", lambda: saved("JPEG", optimize=True, subsampling=0, quality=100)),
    Case("comment.jpg", lambda: jpeg(segment(0xFE, b"by me"))),
    Case("fill.jpg", lambda: jpeg(b"\xff" * 40)),
    Case("profile.jpg", lambda: saved("JPEG", icc_profile=bytes(200_000))),
    Case("thermal.jpg", lambda: jpeg(*[segment(0xE1, b"FLIR\0" + bytes(65_000))] * 12)),
    Case("a hundred scans.jpg", lambda: scans(90)),
    Case("trailing.jpg", lambda: CLEAN + b"what a phone adds: a film" * 999),
    Case("two images.jpg", lambda: CLEAN + mode("L", "JPEG"), like=lambda: CLEAN),
    Case("two pictures (mpo).jpg", lambda: moving("MPO"), like=lambda: saved("JPEG")),
    Case("named.png", lambda: CLEAN),
    # ---- converted: EXIF
    *(Case(f"turned {n}.jpg", lambda n=n: saved("JPEG", exif=exif(n))) for n in range(10)),  # type: ignore[misc]
    Case("turned.png", lambda: saved("PNG", exif=exif(6))),
    Case("turned.webp", lambda: saved("WEBP", exif=exif(8))),
    Case("exif broken.jpg", lambda: jpeg(segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff")), like=lambda: CLEAN),
    Case("exif cut.jpg", lambda: jpeg(segment(0xE1, b"Exif\0\0MM\0*")), like=lambda: CLEAN),
    Case("exif circular.jpg", lambda: jpeg(segment(0xE1, directory((0x8769, 4, 1, 8), tail=b"\x08\0\0\0")))),
    Case("exif overlapping.jpg", lambda: without_jfif(jpeg(in_blocks(overlapping()))), like=lambda: CLEAN),
    Case("exif overlapping.png", lambda: saved("PNG", exif=overlapping()), like=lambda: saved("PNG")),
    # ---- converted: PNG
    Case("plain.png", lambda: saved("PNG")),
    Case("named png.jpg", lambda: saved("PNG")),
    *(Case(f"{name}.png", lambda name=name: mode(name)) for name in ("1", "L", "LA", "P", "RGBA")),  # type: ignore[misc]
    Case("two bits.png", lambda: saved("PNG", picture().quantize(4), bits=2)),
    Case("palette with a hole.png", lambda: saved("PNG", picture().quantize(8), transparency=3)),
    Case("grey with a hole.png", lambda: saved("PNG", picture(mode="L"), transparency=7)),
    Case("16 bits.png", lambda: deep(0, 1)),
    Case("16 bits LA.png", lambda: deep(4, 2)),
    Case("16 bits RGB.png", lambda: deep(2, 3)),
    Case("16 bits RGBA.png", lambda: deep(6, 4)),
    Case("interlaced.png", interlaced, like=lambda: saved("PNG", picture(24, 16))),
    Case("moving.png", lambda: moving("PNG")),
    Case("trailing.png", lambda: saved("PNG") + bytes(5000)),
    Case("more pixels than it says.png", lambda: png(8, 8, bytes(20_000_000))),
    Case("profile.png", lambda: saved("PNG", icc_profile=bytes(9000))),
    # ---- converted: WEBP, BMP, and the smallest of all
    Case("lossy.webp", lambda: saved("WEBP")),
    Case("lossless.webp", lambda: saved("WEBP", lossless=True)),
    Case("alpha.webp", lambda: mode("RGBA", "WEBP")),
    Case("moving.webp", lambda: moving("WEBP")),
    *(Case(f"{name}.bmp", lambda name=name: mode(name, "BMP")) for name in ("1", "L", "P", "RGB", "RGBA")),  # type: ignore[misc]
    Case("16 bits.bmp", lambda: bmp(8, 8, 16, bytes(range(128)))),
    Case("from the top.bmp", lambda: bmp(8, -8, 8, EIGHT)),
    Case("run lengths.bmp", lambda: bmp(8, 8, 8, b"\x08\x05\0\0" * 8 + b"\0\1", compression=1)),
    Case("short runs.bmp", lambda: short_runs(1500)),
    *(Case(f"1x1.{f.lower()}", lambda f=f: saved(f, picture(1, 1))) for f in ("JPEG", "PNG", "WEBP", "BMP")),  # type: ignore[misc]
    # ---- dead letters: no image that is read
    Case("empty.jpg", lambda: b"", "the file is empty"),
    Case("one byte.jpg", lambda: b"\xff", NONE),
    Case("text.jpg", lambda: b"this is no image\n", NONE),
    Case("zeros.png", lambda: bytes(5000), NONE),
    Case("gif.jpg", lambda: saved("GIF"), f"{NONE}, but a GIF image"),
    Case("tiff.jpg", lambda: saved("TIFF"), f"{NONE}, but a TIFF or raw camera image"),
    Case("fits.jpg", lambda: b"SIMPLE  =                    T".ljust(2880), f"{NONE}, but a FITS image"),
    Case("heic.jpg", lambda: b"\0\0\0\x18ftypheic" + bytes(50), f"{NONE}, but a HEIC image or MP4 video"),
    Case("pdf.jpg", lambda: saved("PDF"), f"{NONE}, but a PDF document"),
    Case("eps.jpg", lambda: saved("EPS"), f"{NONE}, but a PostScript document"),
    Case("zip.jpg", lambda: b"PK\x03\x04" + bytes(50), f"{NONE}, but a ZIP archive"),
    Case("svg.jpg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', f"{NONE}, but a SVG, HTML or XML text"),
    Case("html.jpg", lambda: b"\n<!DOCTYPE html><p>404", f"{NONE}, but a SVG, HTML or XML text"),
    # ---- dead letters: damaged
    *(
        Case(f"cut {n} {kind}{suffix}", lambda f=f, n=n, o=o: cut(f, n, o), damaged(f))  # type: ignore[misc]
        for f, kind, suffix, o in (
            ("JPEG", "baseline", ".jpg", {}),
            ("JPEG", "progressive", ".jpg", {"progressive": True}),
            ("PNG", "", ".png", {}),
            ("WEBP", "", ".webp", {}),
            ("BMP", "", ".bmp", {}),
        )
        for n in range(1, 10)
    ),
    Case("header only.png", lambda: b"\x89PNG\r\n\x1a\n", damaged("PNG")),
    Case("no pixels.png", lambda: png(8, 8, b""), damaged("PNG")),
    Case("checksum.png", lambda: saved("PNG").replace(b"IDATx", b"IDATy"), damaged("PNG")),
    Case("offset.bmp", lambda: bmp(8, 8, 8, EIGHT, offset=2**31), damaged("BMP")),
    Case(
        "compression.bmp",
        lambda: bmp(8, 8, 8, EIGHT, compression=99),
        f"the BMP {SORT} (Unsupported BMP compression (99))",
    ),
    Case("header.bmp", lambda: bmp(8, 8, 8, EIGHT, head=41), f"the BMP {SORT} (Unsupported BMP header type (41))"),
    Case("no palette.png", lambda: png(8, 8, bytes(72), colour=3), "the PNG has no palette"),
    Case("0x0.png", lambda: png(0, 0, b""), damaged("PNG")),
    Case("0x8.png", lambda: png(0, 8, bytes(8)), damaged("PNG")),
    Case("0x0.jpg", lambda: frame_header(CLEAN, 1, bytes(4)), damaged("JPEG")),
    Case("0x0.bmp", lambda: bmp(0, 0, 24, b""), damaged("BMP")),
    Case(
        "12 bits.jpg", lambda: frame_header(CLEAN, 0, b"\x0c"), "the JPEG has more than 8 bits a colour, or is lossless"
    ),
    # ---- dead letters: bombs
    Case("65535x65535.png", lambda: png(65535, 65535, b""), enormous("PNG")),
    Case("10000x10000.jpg", lambda: frame_header(CLEAN, 1, b"\x27\x10" * 2), LARGE),
    Case("16383x16383.webp", lambda: webp_canvas(16383, 16383), enormous("WEBP")),
    Case("50000x50000.bmp", lambda: bmp(50000, 50000, 8, EIGHT), enormous("BMP")),
    Case("text bomb.png", lambda: png(8, 8, SQUARE, zipped(b"zTXt", b"a\0\0", 10**8)), TEXTS),
    Case("international text bomb.png", lambda: png(8, 8, SQUARE, zipped(b"iTXt", b"a\0\1\0\0\0", 10**8)), TEXTS),
    Case("profile bomb.png", lambda: png(8, 8, SQUARE, zipped(b"iCCP", b"a\0\0", 10**8)), TEXTS),
    Case("comments.jpg", lambda: jpeg(segment(0xFE, b"") * 700_000), PIECES),
    Case("scans.jpg", lambda: scans(1000), SCANS),
    Case("scans behind TEM.jpg", lambda: hidden_scans(0x01), SCANS),
    Case("scans behind a reserved marker.jpg", lambda: hidden_scans(0xBF), SCANS),
    Case("segments.jpg", lambda: segments(1000), "a JPEG with over 1000 segments between its scans"),
    Case("ends of rows.bmp", lambda: bmp(8, 8, 8, b"\0\0" * 1_000_000, compression=1), PIECES),
    Case("exifs.jpg", lambda: jpeg(segment(0xE1, b"Exif\0\0") * 65), "it has over 64 blocks of EXIF"),
    Case("a terabyte.bmp", lambda: b"BM", "the file has 1099511627776 bytes, more than 256 MiB", size=2**40),
]


def cut(format: str, tenths: int, options: dict[str, Any]) -> bytes:
    whole = saved(format, **options)
    return whole[: len(whole) * tenths // 10]
