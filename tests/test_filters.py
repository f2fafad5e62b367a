"""Filters do what Pillow does, chains apply in order, and mistakes are told in one sentence."""

import json

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from media.imaging.filters import NAMES, PLAIN, chain

NOISE = np.random.default_rng(7)


def picture(mode: str = "RGB", width: int = 64, height: int = 48) -> Image.Image:
    """Noise in every band, smooth enough that no two filters give the same."""
    bands = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    pixels = NOISE.integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.frombytes(mode, (width, height), pixels.tobytes()).filter(ImageFilter.SMOOTH)


def same(left: Image.Image, right: Image.Image) -> bool:
    return (left.mode, left.size, left.tobytes()) == (right.mode, right.size, right.tobytes())


KERNELS = [name for name in PLAIN if hasattr(ImageFilter, name.upper())]


def test_every_filter_without_a_value_that_pillow_has_is_there() -> None:
    builtin = {kernel.__name__.lower() for kernel in ImageFilter.BuiltinFilter.__subclasses__()} - {"kernel"}

    assert set(KERNELS) == builtin
    assert set(NAMES) - builtin == {"grayscale", "invert", "equalize", "resize", "rotate", "crop"}


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_filter_equals_pillows(name: str, mode: str) -> None:
    image = picture(mode)

    assert same(chain(name)(image), image.filter(getattr(ImageFilter, name.upper())))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("name", ["grayscale", "invert", "equalize"])
def test_a_colour_filter_equals_pillows(name: str, mode: str) -> None:
    image = picture(mode)

    assert same(chain(name)(image), getattr(ImageOps, name)(image))


@pytest.mark.parametrize("name", ["invert", "equalize"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_colours_change_and_transparency_stays(name: str, mode: str) -> None:
    image = picture(mode)
    changed = chain(name)(image)

    assert changed.mode == mode
    assert same(changed.getchannel("A"), image.getchannel("A"))
    assert same(changed.convert(mode[:-1]), getattr(ImageOps, name)(image.convert(mode[:-1])))


def test_resize_takes_both_sides_or_keeps_the_shape() -> None:
    image = picture(width=64, height=48)

    assert same(chain({"resize": "20x30"})(image), image.resize((20, 30)))
    assert chain({"resize": "32x"})(image).size == (32, 24)
    assert chain({"resize": "x96"})(image).size == (128, 96)
    assert chain({"resize": "1x"})(picture(width=64, height=2)).size == (1, 1)


def test_rotate_turns_clockwise_and_cuts_nothing_off() -> None:
    image = picture(width=64, height=48)

    assert same(chain({"rotate": 90})(image), image.transpose(Image.Transpose.ROTATE_270))
    assert same(chain({"rotate": "-90"})(image), image.transpose(Image.Transpose.ROTATE_90))
    assert same(chain({"rotate": 12.5})(image), image.rotate(-12.5, Image.Resampling.BICUBIC, expand=True))


def test_crop_takes_the_part_that_imagemagick_would() -> None:
    image = picture(width=64, height=48)

    assert same(chain({"crop": "30x20+5+7"})(image), image.crop((5, 7, 35, 27)))
    assert same(chain({"crop": "64x48+0+0"})(image), image)


def test_a_crop_beyond_the_image_says_so() -> None:
    with pytest.raises(ValueError, match=r"^cannot crop 64x48\+1\+0 from an image of 64x48$"):
        chain({"crop": "64x48+1+0"})(picture())


def test_a_chain_applies_in_the_order_written() -> None:
    image = picture()
    grey_first = ImageOps.grayscale(image).filter(ImageFilter.EMBOSS)
    shrunk_first = image.resize((32, 24)).filter(ImageFilter.EMBOSS)

    assert same(chain(["grayscale", "emboss"])(image), grey_first)
    assert same(chain([{"resize": "32x24"}, "emboss"])(image), shrunk_first)
    assert same(chain({"resize": "32x24", "emboss": None})(image), shrunk_first)
    assert not same(chain(["emboss", {"resize": "32x24"}])(image), shrunk_first)
    assert same(chain(json.loads('[["grayscale"], "emboss"]'))(image), grey_first)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["1", "P", "PA", "I;16", "I", "F"])
def test_every_filter_works_on_every_mode(name: str, mode: str) -> None:
    value = {"resize": "20x10", "rotate": 30, "crop": "5x5+1+1"}.get(name)
    image = Image.new("I;16", (64, 48), 999) if mode == "I;16" else picture().convert("L").convert(mode)

    assert chain({name: value})(image).size


def test_palettes_and_bits_become_colours_first() -> None:
    palette, bits = picture().quantize(16), picture().convert("1")
    clear = picture().quantize(16)
    clear.info["transparency"] = 3

    assert same(chain("emboss")(palette), palette.convert("RGB").filter(ImageFilter.EMBOSS))
    assert same(chain("emboss")(clear), clear.convert("RGBA").filter(ImageFilter.EMBOSS))
    assert same(chain("emboss")(bits), bits.convert("L").filter(ImageFilter.EMBOSS))


def test_sixteen_bits_become_the_upper_eight_but_only_where_they_must() -> None:
    deep = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21)
    upper = Image.fromarray((np.asarray(deep) >> 8).astype(np.uint8))

    assert same(chain("blur")(deep), upper.filter(ImageFilter.BLUR))
    assert same(chain({"crop": "9x9+3+3"})(deep), deep.crop((3, 3, 12, 12)))


@pytest.mark.parametrize("filter", [{"resize": "60000x"}, {"rotate": 45}])
def test_no_filter_makes_an_image_that_would_fill_the_memory(filter: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="over 89478485 pixels"):
        chain(filter)(Image.new("1", (1, 60_000)))


EVERY = ", ".join(NAMES)
NO_SIZE = "write 640x360, 640x or x360"
NO_CROP = "write width x height + left + top, like 640x360+10+20"


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ("embos", f'unknown filter "embos". Did you mean "emboss"? There are: {EVERY}'),
        ("xyz", f'unknown filter "xyz". There are: {EVERY}'),
        ([], f"filter is empty. There are: {EVERY}"),
        ([3], "filter 3 is neither a name nor a mapping like {resize: 640x360}"),
        ({"emboss": 3}, 'filter "emboss" takes no value, but has 3'),
        ("resize", 'filter "resize" needs a value, like {resize: 640x360}'),
        ({"resize": 640}, f'filter "resize" cannot use 640: {NO_SIZE}'),
        ({"resize": "x"}, f"filter \"resize\" cannot use 'x': {NO_SIZE}"),
        ({"resize": "0x9"}, f"filter \"resize\" cannot use '0x9': {NO_SIZE}"),
        ({"resize": "99999x99999"}, 'filter "resize" cannot make 99999x99999: that is over 89478485 pixels'),
        ({"rotate": True}, 'filter "rotate" cannot use True: write degrees clockwise, like 90 or -12.5'),
        ({"rotate": "nan"}, "filter \"rotate\" cannot use 'nan': write degrees clockwise, like 90 or -12.5"),
        ({"crop": "64x48"}, f"filter \"crop\" cannot use '64x48': {NO_CROP}"),
        ({"crop": [1, 2, 3, 4]}, f'filter "crop" cannot use [1, 2, 3, 4]: {NO_CROP}'),
    ],
)
def test_a_mistake_is_told_in_one_sentence(filter: object, words: str) -> None:
    with pytest.raises(ValueError) as mistake:
        chain(filter)  # type: ignore[arg-type]

    assert str(mistake.value) == words
