"""EXIF: which way is up. Of all that a camera writes there, nothing else is read, nor is XMP.

An EXIF block is a small TIFF file: byte order, 42, offset of a directory; there a count and entries of 12 bytes, each
tag, type, count, and a value or where it lies (CIPA DC-008, 4.6.2). Following all of these is what makes bombs of it.
"""

import struct

from PIL import Image

PREFIX = b"Exif\0\0"
ORIENTATION, UPRIGHT = 0x0112, 1
FORMS = {3: "H", 4: "I"}  # SHORT, as it should be, and LONG, as some write it and Pillow reads it
ENTRY = 12  # bytes
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """`image` turned the way its EXIF asks for, and its EXIF with that wish fulfilled, so that nobody turns it again.

    Damaged EXIF says nothing about which way is up: the pixels are whole, and stay as they are.
    """
    exif = image.info.get("exif")
    if not isinstance(exif, bytes) or not (found := orientation(exif)):
        return image
    form, at, value = found
    if value not in TURNS:
        return image
    turned = image.transpose(TURNS[value])
    turned.info["exif"] = exif[:at] + struct.pack(form, UPRIGHT) + exif[at + struct.calcsize(form) :]
    return turned


def orientation(exif: bytes) -> tuple[str, int, int] | None:
    """(its form for struct, where the orientation stands in `exif`, what it is); None if there is none to be read."""
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[start : start + 4], "")
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, start + 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start + directory)
    except struct.error:
        return None
    first = start + directory + 2
    for at in range(first, min(first + count * ENTRY, len(exif) - ENTRY + 1), ENTRY) if order else ():
        tag, kind, values = struct.unpack_from(f"{order}HHI", exif, at)
        if tag == ORIENTATION and kind in FORMS and values == 1:
            form = order + FORMS[kind]
            return form, at + 8, *struct.unpack_from(form, exif, at + 8)
    return None
