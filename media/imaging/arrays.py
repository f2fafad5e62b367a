"""The filters of media/imaging/filters.py on numpy arrays, by OpenCV where its result is Pillow's, by Pillow otherwise.

An array is height x width (x bands), uint8; bands are those of Pillow's modes L, LA, RGB and RGBA, and the order of its
colours is RGB or, as OpenCV reads and writes files, BGR.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy
from PIL import Image, ImageFilter

from media.imaging.filters import angle, chain, pairs, part

Array = numpy.ndarray[Any, Any]
Change = Callable[[Array, str], Array]  # of an array and its order

MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}  # of Pillow, and their bands
RAW = {
    "RGB": ("L", "LA", "RGB", "RGBA"),
    "BGR": ("L", "LA", "BGR", "BGRA"),
}  # Pillow's names for arrays of 1 to 4 bands


class Step(NamedTuple):
    """A filter by OpenCV."""

    change: Change
    exact: bool = True  # Pillow's to the bit, not within one grey level only
    spreads: bool = True  # what its image is off by may become more


def array_chain(filter: str | list[Any] | dict[str, Any]) -> tuple[Change, list[str]]:
    """The function that applies a chain as media.imaging.filters.chain does, within one grey level; and the filters
    that Pillow does in it.

    The function raises ValueError for an array that a filter does not fit, as does this for what is no chain.
    """
    steps: list[tuple[str, Any, Step | None]] = []  # from the last to the first
    spread = False  # whether what comes before must be exact
    for name, value in reversed(pairs(filter)):
        step = _step(name, value)
        if step and spread and not step.exact:
            step = None
        spread = spread or step is None or step.spreads
        steps.insert(0, (name, value, step))

    changes: list[Change] = []
    borrowed: list[dict[str, Any]] = []  # filters in a row that are Pillow's
    for name, value, step in steps:
        if step is None:
            borrowed.append({name: value})
            continue
        if borrowed:
            changes.append(_by_pillow(borrowed))
            borrowed = []
        changes.append(step.change)
    if borrowed:
        changes.append(_by_pillow(borrowed))

    def change(array: Array, order: str) -> Array:
        for change in changes:
            array = change(array, order)
        return array

    return change, [name for name, _, step in steps if step is None]


def array_of(image: Image.Image, order: str) -> Array:
    """The pixels of an image of one of MODES, read-only."""
    bands = MODES[image.mode]
    pixels = numpy.frombuffer(image.tobytes("raw", RAW[order][bands - 1]), numpy.uint8)
    return pixels.reshape(image.height, image.width, *((bands,) if bands > 1 else ()))


def image_of(array: Array, order: str) -> Image.Image:
    """An image of these pixels."""
    height, width = array.shape[:2]
    bands = _bands(array)
    pixels = numpy.ascontiguousarray(array)
    return Image.frombuffer([*MODES][bands - 1], (width, height), pixels, "raw", RAW[order][bands - 1], 0, 1)


def _bands(array: Array) -> int:
    return array.shape[2] if array.ndim == 3 else 1


def _by_pillow(filters: list[dict[str, Any]]) -> Change:
    change = chain([*filters])
    return lambda array, order: array_of(change(image_of(array, order)), order)


def _step(name: str, value: Any) -> Step | None:
    """The filter by OpenCV; None for one that is Pillow's to do."""
    if name == "crop":
        return _crop(value)
    return _rotate(value) if name == "rotate" else PLAIN.get(name)


# ---- filters without a value


def _kernel(kernel: type[ImageFilter.BuiltinFilter]) -> Change:
    (size, _), divisor, offset, weights = kernel.filterargs
    edge = size // 2
    # Pillow's rows go from the bottom to the top.
    matrix = (numpy.array(weights).reshape(size, size)[::-1] / divisor).astype(numpy.float32)
    # Pillow rounds halves up, OpenCV to even numbers. Sums are multiples of 1 / divisor: a quarter of that decides.
    offset += 0.25 / divisor

    def change(array: Array, order: str) -> Array:
        if min(array.shape[:2]) < size:
            return array
        changed: Array = cv2.filter2D(array, -1, matrix, delta=offset)
        for border in (numpy.s_[:edge], numpy.s_[-edge:], numpy.s_[:, :edge], numpy.s_[:, -edge:]):
            changed[border] = array[border]
        return changed

    return change


def _grayscale(array: Array, order: str) -> Array:
    bands = _bands(array)
    if bands < 3:
        return array if bands == 1 else array[..., 0]
    grey: Array = cv2.cvtColor(array, GREY[order][bands])
    return grey


def _invert(array: Array, order: str) -> Array:
    changed: Array = cv2.bitwise_not(array)
    if _bands(array) in (2, 4):
        changed[..., -1] = array[..., -1]
    return changed


GREY = {
    "RGB": {3: cv2.COLOR_RGB2GRAY, 4: cv2.COLOR_RGBA2GRAY},
    "BGR": {3: cv2.COLOR_BGR2GRAY, 4: cv2.COLOR_BGRA2GRAY},
}

# Not here: equalize, as Pillow is faster, and resize, as OpenCV's curves are others.
PLAIN: dict[str, Step] = {
    "blur": Step(_kernel(ImageFilter.BLUR)),
    "contour": Step(_kernel(ImageFilter.CONTOUR)),
    "detail": Step(_kernel(ImageFilter.DETAIL), exact=False),
    "edge_enhance": Step(_kernel(ImageFilter.EDGE_ENHANCE)),
    "edge_enhance_more": Step(_kernel(ImageFilter.EDGE_ENHANCE_MORE)),
    "emboss": Step(_kernel(ImageFilter.EMBOSS)),
    "find_edges": Step(_kernel(ImageFilter.FIND_EDGES)),
    "sharpen": Step(_kernel(ImageFilter.SHARPEN)),
    "smooth": Step(_kernel(ImageFilter.SMOOTH)),
    "smooth_more": Step(_kernel(ImageFilter.SMOOTH_MORE), exact=False),
    "grayscale": Step(_grayscale, exact=False),
    "invert": Step(_invert, spreads=False),
}


# ---- filters with a value

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def _rotate(value: Any) -> Step | None:
    """Quarters only: between them OpenCV's curve is another."""
    degrees = angle(value)
    turn = degrees(1, 1) % 360
    if turn % 90:
        return None
    return Step(lambda array, order: cv2.rotate(array, TURNS[int(turn)]) if turn else array, spreads=False)


def _crop(value: Any) -> Step:
    box = part(value)

    def change(array: Array, order: str) -> Array:
        left, top, right, bottom = box(array.shape[1], array.shape[0])
        return array[top:bottom, left:right]

    return Step(change, spreads=False)
