"""Named filters and chains of them: `emboss`, `[grayscale, emboss]`, `[{resize: 640x360}, sharpen]`.

    blur contour detail edge_enhance edge_enhance_more emboss find_edges sharpen smooth smooth_more
                          Pillow's ImageFilter of that name
    grayscale invert equalize
                          Pillow's ImageOps of that name; a transparency stays as it is, except in grayscale
    resize: 640x360       exactly this size; `640x` and `x360` keep the shape of the image
    rotate: 90            degrees clockwise, as in ImageMagick and ffmpeg; the canvas grows, new corners are black
    crop: 640x360+10+20   width x height + left + top, ImageMagick's notation; must lie within the image

Every filter does, pixel for pixel, what Pillow does. Where Pillow has no good answer the image is converted first:
palette to RGB or RGBA and 1 bit to L for all filters, 16 bit to L (its upper 8 bits) for all but resize, rotate, crop.
"""

import difflib
import math
import re
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageFilter, ImageOps

Change = Callable[[Image.Image], Image.Image]

MAX_PIXELS = 89_478_485  # of what resize and rotate make: the same limit that decoding has


def chain(filter: str | list[Any] | dict[str, Any]) -> Change:
    """The function that applies a filter, or a chain of them in the order written.

    A chain is a name, a mapping of names to values, or a list of chains. Raises ValueError with a sentence for the user
    if it is none; the function itself raises ValueError for an image that a filter does not fit.
    """
    steps = [_step(name, value) for name, value in pairs(filter)]
    if not steps:
        raise ValueError(f"filter is empty. There are: {', '.join(NAMES)}")

    def change(image: Image.Image) -> Image.Image:
        image = unpacked(image)
        for step in steps:
            image = step(image)
        return image

    return change


def pairs(filter: str | list[Any] | dict[str, Any]) -> list[tuple[str, Any]]:
    """The names and values in a chain, in order. Raises ValueError as `chain` does."""
    if isinstance(filter, str):
        return [(filter, None)]
    if isinstance(filter, dict):
        return [(str(name), value) for name, value in filter.items()]
    if isinstance(filter, list):
        return [pair for link in filter for pair in pairs(link)]
    raise ValueError(f"filter {filter!r} is neither a name nor a mapping like {{resize: 640x360}}")


def _step(name: str, value: Any) -> Change:
    if name in SHAPING:
        make, example = SHAPING[name]
        if value is None:
            raise ValueError(f'filter "{name}" needs a value, like {{{name}: {example}}}')
        return make(value)
    if name not in PLAIN:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f' Did you mean "{close[0]}"?' if close else ""
        raise ValueError(f'unknown filter "{name}".{hint} There are: {", ".join(NAMES)}')
    if value is not None:
        raise ValueError(f'filter "{name}" takes no value, but has {value!r}')
    return PLAIN[name]


# ---- image modes


def unpacked(image: Image.Image) -> Image.Image:
    """Pixels in place of palette indices and bits, which no filter can compute with."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        import numpy  # two fifths of the start of a converter, and most need none

        # Pillow's own conversion to L turns all above 255 white
        return Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8))
    return image.convert("L") if image.mode in ("I", "F") else image


# ---- filters without a value


def _kernel(kernel: type[ImageFilter.BuiltinFilter]) -> Change:
    return lambda image: _eight_bit(image).filter(kernel)


def _grayscale(image: Image.Image) -> Image.Image:
    return ImageOps.grayscale(_eight_bit(image))


def _colours(operation: Change) -> Change:
    """`operation`, which knows L and RGB only, for every mode: transparency is set aside, other colours become RGB."""

    def change(image: Image.Image) -> Image.Image:
        image = _eight_bit(image)
        if image.mode in ("LA", "RGBA"):
            *colours, transparency = image.split()
            changed = operation(Image.merge(image.mode[:-1], colours))
            return Image.merge(image.mode, (*changed.split(), transparency))
        return operation(image if image.mode in ("L", "RGB") else image.convert("RGB"))

    return change


PLAIN: dict[str, Change] = {
    "blur": _kernel(ImageFilter.BLUR),
    "contour": _kernel(ImageFilter.CONTOUR),
    "detail": _kernel(ImageFilter.DETAIL),
    "edge_enhance": _kernel(ImageFilter.EDGE_ENHANCE),
    "edge_enhance_more": _kernel(ImageFilter.EDGE_ENHANCE_MORE),
    "emboss": _kernel(ImageFilter.EMBOSS),
    "find_edges": _kernel(ImageFilter.FIND_EDGES),
    "sharpen": _kernel(ImageFilter.SHARPEN),
    "smooth": _kernel(ImageFilter.SMOOTH),
    "smooth_more": _kernel(ImageFilter.SMOOTH_MORE),
    "grayscale": _grayscale,
    "invert": _colours(ImageOps.invert),
    "equalize": _colours(ImageOps.equalize),
}


# ---- filters with a value


def sides(value: Any) -> Callable[[int, int], tuple[int, int]]:
    """What resize makes of a width and a height. Raises ValueError, as what it returns does."""
    found = re.fullmatch(r"([1-9]\d{0,4})?x([1-9]\d{0,4})?", str(value))
    if found is None or not any(found.groups()):
        raise ValueError(f'filter "resize" cannot use {value!r}: write 640x360, 640x or x360')
    wide, high = (int(side) if side else 0 for side in found.groups())
    _check_pixels(f'filter "resize" cannot make {value}', wide, high)

    def resized(width: int, height: int) -> tuple[int, int]:
        new = wide or max(1, round(width * high / height)), high or max(1, round(height * wide / width))
        _check_pixels(f"cannot resize {width}x{height} to {new[0]}x{new[1]}", *new)
        return new

    return resized


def angle(value: Any) -> Callable[[int, int], float]:
    """By how many degrees, clockwise, rotate turns an image of a width and a height. Raises ValueError likewise."""
    try:
        degrees = float(value)
    except (TypeError, ValueError):
        degrees = math.nan
    if not math.isfinite(degrees) or isinstance(value, bool):
        raise ValueError(f'filter "rotate" cannot use {value!r}: write degrees clockwise, like 90 or -12.5')
    across, along = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))

    def turned(width: int, height: int) -> float:
        new = width * across + height * along, width * along + height * across
        _check_pixels(f"cannot rotate {width}x{height} by {value} degrees", *new)
        return degrees

    return turned


def part(value: Any) -> Callable[[int, int], tuple[int, int, int, int]]:
    """Left, top, right and bottom of what crop takes of a width and a height. Raises ValueError likewise."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})\+(\d{1,5})\+(\d{1,5})", str(value))
    if found is None:
        raise ValueError(f'filter "crop" cannot use {value!r}: write width x height + left + top, like 640x360+10+20')
    wide, high, left, top = map(int, found.groups())

    def box(width: int, height: int) -> tuple[int, int, int, int]:
        if left + wide > width or top + high > height:
            raise ValueError(f"cannot crop {value} from an image of {width}x{height}")
        return left, top, left + wide, top + high

    return box


def _resize(value: Any) -> Change:
    new = sides(value)
    return lambda image: image.resize(new(*image.size))


def _rotate(value: Any) -> Change:
    degrees = angle(value)
    return lambda image: image.rotate(-degrees(*image.size), Image.Resampling.BICUBIC, expand=True)


def _crop(value: Any) -> Change:
    box = part(value)
    return lambda image: image.crop(box(*image.size))


def _check_pixels(what: str, width: float, height: float) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"{what}: that is over {MAX_PIXELS} pixels")


SHAPING: dict[str, tuple[Callable[[Any], Change], str]] = {  # what makes the filter from its value, and an example
    "resize": (_resize, "640x360"),
    "rotate": (_rotate, "90"),
    "crop": (_crop, "640x360+10+20"),
}

NAMES = (*PLAIN, *SHAPING)
