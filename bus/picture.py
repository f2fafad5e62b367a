"""Images: bytes that came from anywhere -> a Pillow image, and back."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")  # what `decode` reads, as file names say it
READS = ("JPEG", "PNG", "WEBP", "BMP")  # Pillow's other decoders are attack surface that no camera needs
WRITES = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
MAX_PIXELS = 89_478_485  # Pillow's own warning limit, here an error, checked before decoding
JPEG_MODES = ("L", "RGB", "CMYK")
WEBP_MODES = ("RGB", "RGBA")
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")


class Undecodable(ValueError):
    """Raised when bytes are no image that a node can read; the words say why, for the dead letter."""

    culprit: object = None  # the message whose image it is


def decode(data: bytes) -> Image.Image:
    """The image in `data`, decoded in full and upright (EXIF orientation applied).

    Raises Undecodable for anything that is not one whole JPEG, PNG, WEBP or BMP image within MAX_PIXELS.
    """
    if not data:
        raise Undecodable("cannot decode: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged EXIF, in each frame of a camera
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=READS)
            if image.width * image.height > MAX_PIXELS:
                raise Undecodable(f"cannot decode: {image.width}x{image.height} is over {MAX_PIXELS} pixels")
            image.load()
            return upright(image)
    except (Undecodable, MemoryError):
        raise
    except UnidentifiedImageError:
        raise Undecodable(f"cannot decode: not a whole {', '.join(READS[:-1])} or {READS[-1]} image") from None
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to
        raise Undecodable(f"cannot decode: {error or type(error).__name__}") from error


def upright(image: Image.Image) -> Image.Image:
    """`image` turned the way its EXIF orientation asks for."""
    if "exif" not in image.info:
        return image
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF says nothing about which way is up; the pixels are whole
        return image


def encode(image: Image.Image, format: str = "jpg", quality: int = 90) -> bytes:
    """`image` as the bytes of a file of `format` (jpg, png or webp); png is lossless and ignores `quality`.

    Modes that the format cannot hold are converted first (transparency is lost in jpg).
    Raises ValueError for another format.
    """
    if format not in WRITES:
        raise ValueError(f'cannot write "{format}": use jpg, png or webp')
    kept = {"JPEG": JPEG_MODES, "WEBP": WEBP_MODES, "PNG": PNG_MODES}[WRITES[format]]
    if image.mode[0] == "I" and image.mode not in kept:
        image = image.point(lambda value: value / 256).convert("L")  # 16 bits: the upper 8; convert alone would clip
    if image.mode not in kept:
        image = image.convert("L" if image.mode in ("1", "F", "LA") and "L" in kept else "RGB")
    body = io.BytesIO()
    image.save(body, WRITES[format], **({"compress_level": 1} if format == "png" else {"quality": quality}))
    return body.getvalue()
