"""Images from anywhere: decoded, or refused with words for the dead letter; and encoded again."""

import io
import struct
import zlib

import pytest
from PIL import Image

from bus import SUFFIXES, Undecodable, encode
from bus.picture import decode


def saved(format: str, image: Image.Image | None = None) -> bytes:
    body = io.BytesIO()
    (image or Image.new("RGB", (16, 8), (200, 10, 10))).save(body, format)
    return body.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_the_four_formats_of_cameras_are_decoded(format: str) -> None:
    assert decode(saved(format)).size == (16, 8)


@pytest.mark.parametrize("format", ["GIF", "TIFF", "PPM", "ICO", "TGA", "PDF"])
def test_no_other_decoder_of_pillow_is_ever_asked(format: str) -> None:
    with pytest.raises(Undecodable, match="not a whole JPEG, PNG, WEBP or BMP image"):
        decode(saved(format))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_a_file_that_is_cut_short_is_undecodable(format: str, part: float) -> None:
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    body = saved(format, noise)
    with pytest.raises(Undecodable, match="cannot decode: "):
        decode(body[: int(len(body) * part)])


def test_a_png_that_claims_to_be_enormous_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    with pytest.raises(Undecodable, match="cannot decode: "):
        decode(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def test_damaged_orientation_leaves_whole_pixels_as_they_are() -> None:
    body = io.BytesIO()
    Image.new("RGB", (16, 8)).save(body, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(body.getvalue()).size == (16, 8)


@pytest.mark.parametrize("format", ["jpg", "jpeg", "png", "webp"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "HSV"])
def test_every_mode_can_be_written_in_every_format(format: str, mode: str) -> None:
    assert decode(encode(Image.new(mode, (16, 8)), format)).size == (16, 8)


def test_png_is_lossless_also_for_deep_pixels() -> None:
    deep = Image.new("I;16", (4, 4), 40_000)
    assert decode(encode(deep, "png")).getpixel((1, 1)) == 40_000


def test_another_format_is_refused_with_those_that_work() -> None:
    with pytest.raises(ValueError, match='cannot write "gif": use jpg, png or webp'):
        encode(Image.new("L", (1, 1)), "gif")


def test_the_suffixes_are_those_of_the_formats() -> None:
    assert set(SUFFIXES) == {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def test_sixteen_bits_become_the_upper_eight_where_the_format_has_no_more() -> None:
    deep = Image.new("I;16", (8, 8), 40_000)

    grey = decode(encode(deep, "jpg", 95)).getpixel((4, 4))

    assert isinstance(grey, int)
    assert abs(grey - 40_000 // 256) <= 2
