"""Images from anywhere: decoded, or refused with words for the dead letter; and encoded again."""

import io
import struct

import pytest
from PIL import Image, ImageOps

from bus import SUFFIXES, Undecodable, encode
from bus.exif import orientation as orientation_in
from bus.picture import decode
from tests.craft import exif, picture, png, saved


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_the_four_formats_of_cameras_are_decoded(format: str) -> None:
    assert decode(saved(format)).size == (48, 32)


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
    with pytest.raises(Undecodable, match="has over 178956970 pixels; at most 89478485 are read"):
        decode(png(60_000, 60_000, b""))


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_an_image_is_turned_once_as_pillow_would_and_never_again(format: str, orientation: int) -> None:
    body = saved(format, picture(), exif=exif(orientation))
    turned = decode(body)
    with Image.open(io.BytesIO(body)) as image:
        assert turned.tobytes() == ImageOps.exif_transpose(image).tobytes()
    assert ImageOps.exif_transpose(turned).tobytes() == turned.tobytes()


def test_other_facts_of_the_exif_stay_with_a_turned_image() -> None:
    facts = Image.Exif()
    facts[0x010F], facts[0x0112] = "a maker", 6
    assert decode(saved("JPEG", exif=facts.tobytes())).getexif()[0x010F] == "a maker"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "form"), [(1, None), (3, "H"), (4, "I")])
def test_an_orientation_is_a_short_or_long_number_in_either_byte_order(order: str, kind: int, form: str | None) -> None:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 2)
    entries = struct.pack(f"{order}HHII", 0x010F, 2, 4, 0) + struct.pack(
        f"{order}HHI{form or 'H'}xx", 0x0112, kind, 1, 3
    )
    found = orientation_in(b"Exif\0\0" + head + entries)
    assert found == ((order + form, 36, 3) if form else None)


@pytest.mark.parametrize("size", range(44))
def test_exif_that_is_cut_anywhere_says_nothing_or_the_truth(size: int) -> None:
    found = orientation_in(exif(6)[:size])
    assert found is None or found[2] == 6


def test_of_several_pictures_the_first_is_the_image() -> None:
    red = Image.new("RGB", (48, 32), "red")
    for format in ("PNG", "WEBP", "MPO"):
        image = decode(saved(format, save_all=True, append_images=[red]))
        assert (image.size, getattr(image, "n_frames", 1)) == ((48, 32), 1)
        assert image.getpixel((40, 20)) != (255, 0, 0)


def test_an_image_keeps_no_decoder() -> None:
    assert "_decoder" not in vars(decode(saved("WEBP")))


def test_damaged_orientation_leaves_whole_pixels_as_they_are() -> None:
    body = io.BytesIO()
    Image.new("RGB", (16, 8)).save(body, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(body.getvalue()).size == (16, 8)


@pytest.mark.parametrize("format", ["jpg", "jpeg", "png", "webp"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "HSV"])
def test_every_mode_can_be_written_in_every_format(format: str, mode: str) -> None:
    assert decode(encode(Image.new(mode, (16, 8)), format)).size == (16, 8)


@pytest.mark.parametrize("format", ["png", "webp"])
@pytest.mark.parametrize(("mode", "hole"), [("L", 7), ("RGB", (7, 7, 7)), ("P", 7), ("LA", None), ("RGBA", None)])
def test_transparency_stays_where_the_format_can_hold_it(format: str, mode: str, hole: object) -> None:
    colour = {"LA": (7, 0), "RGBA": (7, 7, 7, 0), "RGB": (7, 7, 7)}.get(mode, 7)
    image = Image.new("L" if mode == "P" else mode, (8, 8), colour).convert(mode)  # P with the palette of greys
    if hole is not None:
        image.info["transparency"] = hole
    assert decode(encode(image, format)).convert("RGBA").getchannel("A").getextrema() == (0, 0)


def test_png_is_lossless_also_for_deep_pixels() -> None:
    deep = Image.new("I;16", (4, 4), 40_000)
    assert decode(encode(deep, "png")).getpixel((1, 1)) == 40_000


def test_another_format_is_refused_with_those_that_work() -> None:
    with pytest.raises(ValueError, match='cannot write "gif": use jpg, png or webp'):
        encode(Image.new("L", (1, 1)), "gif")


@pytest.mark.parametrize(("format", "most"), [("jpg", 65_500), ("webp", 16_383)])
def test_a_side_that_the_format_cannot_have_is_refused_in_words(format: str, most: int) -> None:
    for size in ((most, 1), (1, most)):
        assert decode(encode(Image.new("L", size), format)).size == size
    with pytest.raises(ValueError, match=f"a side of {most + 1} pixels; at most {most} go into it"):
        encode(Image.new("L", (1, most + 1)), format)
    assert decode(encode(Image.new("L", (1, most + 1)), "png")).size == (1, most + 1)


def test_the_suffixes_are_those_of_the_formats() -> None:
    assert set(SUFFIXES) == {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def test_sixteen_bits_become_the_upper_eight_where_the_format_has_no_more() -> None:
    deep = Image.new("I;16", (8, 8), 40_000)

    grey = decode(encode(deep, "jpg", 95)).getpixel((4, 4))

    assert isinstance(grey, int)
    assert abs(grey - 40_000 // 256) <= 2


@pytest.mark.parametrize(("enough", "size"), [(0, (640, 320)), (80, (160, 80)), (40, (80, 40)), (1000, (640, 320))])
def test_a_jpeg_comes_out_as_small_as_is_enough_and_no_smaller(enough: int, size: tuple[int, int]) -> None:
    body = saved("JPEG", Image.new("RGB", (640, 320), "red"))

    assert decode(body, enough).size == size
    assert decode(saved("PNG", Image.new("RGB", (640, 320))), enough).size == (640, 320)
