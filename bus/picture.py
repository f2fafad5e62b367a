"""Images: bytes that came from anywhere -> a Pillow image, and back."""

import io
import warnings

from PIL import Image

from bus.door import Jpeg, Pieces, Undecodable, check_exifs, check_pixels, check_scans, explained, kind_of
from bus.encoding import RAW_MODES
from bus.exif import upright

__all__ = ["SUFFIXES", "WRITES", "Undecodable", "decode", "encode"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")  # what `decode` reads, as file names say it
WRITES = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # pixels that a side may have, as libjpeg and libwebp write them
JPEG_MODES = ("L", "RGB", "RGBX", "CMYK")
WEBP_MODES = ("RGB", "RGBA")
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")


def decode(data: bytes, enough: int = 0) -> Image.Image:
    """The image in `data`, decoded in full and upright (EXIF orientation applied); of several, the first.

    Where sides of `enough` pixels are enough, a JPEG may come out smaller than it is, which takes less time.
    Raises Undecodable for anything that is not one whole JPEG, PNG, WEBP or BMP image within the limits of bus/door.py.
    """
    kind = kind_of(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged metadata, in each frame of a camera
            image = _opened(data, kind)
            if enough:
                image.draft("RGB", (enough, enough))
            image.load()
            if image.mode == "P" and image.palette is None:
                raise Undecodable(f"cannot decode: the {kind} has no palette")
            return upright(_alone(image))
    except (Undecodable, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to
        raise Undecodable(explained(error, kind)) from error


def _opened(data: bytes, kind: str) -> Image.Image:
    """The image in `data`, its header read and no pixel decoded yet."""
    pieces = Pieces(data)
    if kind != "JPEG":
        image = Image.open(pieces, formats=[kind])
        check_pixels(image.width, image.height)
        if kind == "BMP":
            pieces.allow_runs(image.width * image.height)
        return image
    check_exifs(data)
    image = Jpeg(pieces)
    check_pixels(image.width, image.height)
    check_scans(data, pieces.tell())
    return image


def _alone(image: Image.Image) -> Image.Image:
    """`image` without what Pillow keeps for the next pictures of its file: of a WEBP three times its size."""
    vars(image).pop("_decoder", None)
    return image.copy() if getattr(image, "is_animated", False) else image


def as_raw(image: Image.Image) -> Image.Image:
    """`image` in one of RAW_MODES. Raises ValueError if pixels of that depth cannot be."""
    if image.mode in RAW_MODES:
        return image
    if image.mode[0] in "IF":
        raise ValueError(f'pixels of mode {image.mode} have over 8 bits: send encode(image, "png") instead')
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def encode(image: Image.Image, format: str = "jpg", quality: int = 90) -> bytes:
    """`image` as the bytes of a file of `format` (jpg, png or webp); png is lossless and ignores `quality`.

    Modes that the format cannot hold are converted first (transparency is lost in jpg).
    Raises ValueError for another format, and for an image with a longer side than the format can have.
    """
    if format not in WRITES:
        raise ValueError(f'cannot write "{format}": use jpg, png or webp')
    if max(image.size) > SIDES.get(WRITES[format], max(image.size)):
        raise ValueError(f"a side of {max(image.size)} pixels; at most {SIDES[WRITES[format]]} go into it")
    kept = {"JPEG": JPEG_MODES, "WEBP": WEBP_MODES, "PNG": PNG_MODES}[WRITES[format]]
    if image.mode[0] == "I" and image.mode not in kept:
        image = image.point(lambda value: value / 256).convert("L")  # 16 bits: the upper 8; convert alone would clip
    if format == "webp" and image.has_transparency_data:
        image = image.convert("RGBA")  # also where it is one of the colours: png keeps it so, webp cannot
    elif image.mode not in kept:
        colours = "RGBA" if "RGBA" in kept and image.has_transparency_data else "RGB"
        image = image.convert("L" if image.mode in ("1", "F", "LA") and "L" in kept else colours)
    body = io.BytesIO()
    image.save(body, WRITES[format], **({"compress_level": 1} if format == "png" else {"quality": quality}))
    return body.getvalue()
