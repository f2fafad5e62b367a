"""Resize, rotate and crop for media/imaging/tensors.py: Pillow's bicubic arithmetic on batches in a device's memory."""

import math
from collections.abc import Callable
from typing import Any

import numpy
import torch
from torch import Tensor

from media.imaging.filters import angle, part, sides

Change = Callable[[Tensor], Tensor]

COEFFICIENT_BITS = 22  # behind the point, in Pillow's resize
SUPPORT = 2.0  # pixels that a bicubic curve reaches to either side


def _resize(value: Any) -> Change:
    new = sides(value)

    def change(batch: Tensor) -> Tensor:
        height, width = batch.shape[-2:]
        wide, high = new(width, height)
        if (wide, high) == (width, height):
            return batch
        return _premultiplied(lambda pixels: _scaled(_scaled(pixels, -1, wide), -2, high), batch)

    return change


def _scaled(batch: Tensor, dim: int, size: int) -> Tensor:
    """`batch` with `size` pixels along `dim`, each a weighted sum in whole numbers."""
    if batch.shape[dim] == size:
        return batch
    first, weights = (torch.from_numpy(array).to(batch.device) for array in _weights(batch.shape[dim], size))
    shape = (size, 1) if dim == -2 else (size,)
    total: Tensor | int = 1 << (COEFFICIENT_BITS - 1)
    for tap in range(weights.shape[1]):
        places = (first + tap).clamp_(max=batch.shape[dim] - 1)  # beyond the image the weight is 0
        pixels = batch.index_select(dim, places).to(torch.int32)
        total = pixels.mul_(weights[:, tap].view(shape)).add_(total)
    assert isinstance(total, Tensor)
    return (total >> COEFFICIENT_BITS).clamp_(0, 255).to(torch.uint8)


def _weights(before: int, after: int) -> tuple[Any, Any]:
    """For each of `after` pixels the first of `before` that it is made of, and the weight of that and of the next."""
    scale = before / after
    stretch = max(scale, 1.0)
    reach = SUPPORT * stretch
    centre = (numpy.arange(after) + 0.5) * scale
    first = numpy.maximum((centre - reach + 0.5).astype(numpy.int64), 0)
    end = numpy.minimum((centre + reach + 0.5).astype(numpy.int64), before)
    taps = numpy.arange(math.ceil(reach) * 2 + 1)
    x = numpy.abs((taps + first[:, None] - centre[:, None] + 0.5) * (1.0 / stretch))
    near = ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * -0.5
    curve = numpy.where(x < 1.0, near, numpy.where(x < 2.0, far, 0.0))
    curve[taps >= (end - first)[:, None]] = 0.0
    sums = curve.cumsum(axis=1)[:, -1:]  # from left to right
    weights = numpy.where(sums != 0.0, curve / numpy.where(sums == 0.0, 1.0, sums), curve) * (1 << COEFFICIENT_BITS)
    return first, numpy.trunc(weights + numpy.copysign(0.5, weights)).astype(numpy.int32)


def _rotate(value: Any) -> Change:
    degrees = angle(value)

    def change(batch: Tensor) -> Tensor:
        turn = degrees(batch.shape[-1], batch.shape[-2]) % 360.0
        if turn % 90 == 0:
            return torch.rot90(batch, -int(turn // 90), (-2, -1))
        return _premultiplied(lambda pixels: torch.stack([_turned(image, turn) for image in pixels]), batch)

    return change


def _turned(image: Tensor, degrees: float) -> Tensor:
    """One image turned clockwise, in float64: each pixel from the 4 x 4 around where it comes from."""
    height, width = image.shape[-2:]
    wide, high, (a, b, c, d, e, f) = _matrix(width, height, degrees)
    across = torch.arange(wide, dtype=torch.float64, device=image.device) + 0.5
    down = (torch.arange(high, dtype=torch.float64, device=image.device) + 0.5).view(-1, 1)
    x, y = across * a + down * b + c, across * d + down * e + f
    outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    x, y = x - 0.5, y - 0.5
    left, top = x.floor(), y.floor()
    dx, dy = x - left, y - top
    columns = [(left.long() + tap).clamp_(0, width - 1) for tap in (-1, 0, 1, 2)]
    lines = []
    for tap in (-1, 0, 1, 2):
        row = (top.long() + tap).clamp_(0, height - 1) * width
        values = [image.flatten(1).index_select(1, (row + column).flatten()).double() for column in columns]
        lines.append(_curve(values, dx.flatten()))
    result = _curve(lines, dy.flatten()).clamp_(0, 255).to(torch.uint8)
    return result.masked_fill_(outside.flatten(), 0).view(-1, high, wide)


def _curve(values: list[Tensor], at: Tensor) -> Tensor:
    """The bicubic curve through four values, `at` between the second and the third."""
    before, left, right, after = values
    first, second = right - before, 2 * (before - left) + right - after
    return left + at * (first + at * (second + at * (left - before - right + after)))


def _matrix(width: int, height: int, degrees: float) -> tuple[int, int, tuple[float, ...]]:
    """The size of the turned image, and where its pixels come from: x = a x' + b y' + c, y = d x' + e y' + f."""
    radians = -math.radians(-degrees % 360.0)
    cos, sin = round(math.cos(radians), 15), round(math.sin(radians), 15)
    minus_sin = round(-math.sin(radians), 15)

    def moved(x: float, y: float, c: float, f: float) -> tuple[float, float]:
        return cos * x + sin * y + c, minus_sin * x + cos * y + f

    c, f = moved(-width / 2, -height / 2, 0.0, 0.0)
    c, f = c + width / 2, f + height / 2
    corners = [moved(x, y, c, f) for x, y in ((0, 0), (width, 0), (width, height), (0, height))]
    wide, high = (math.ceil(max(axis)) - math.floor(min(axis)) for axis in zip(*corners, strict=True))
    c, f = moved(-(wide - width) / 2.0, -(high - height) / 2.0, c, f)
    return wide, high, (cos, sin, c, minus_sin, cos, f)


def _crop(value: Any) -> Change:
    box = part(value)

    def change(batch: Tensor) -> Tensor:
        left, top, right, bottom = box(batch.shape[-1], batch.shape[-2])
        return batch[..., top:bottom, left:right]

    return change


def _premultiplied(operation: Change, batch: Tensor) -> Tensor:
    """`operation` with colours that count as much as they can be seen, as Pillow does it."""
    if batch.shape[1] in (1, 3):
        return operation(batch)
    alpha = batch[:, -1:].to(torch.int32)
    product = batch[:, :-1].to(torch.int32) * alpha + 128
    seen = ((product >> 8) + product >> 8).to(torch.uint8)
    changed = operation(torch.cat([seen, batch[:, -1:]], dim=1))
    colours, alpha = changed[:, :-1].to(torch.int32), changed[:, -1:].to(torch.int32)
    straight = (colours * 255 // alpha.clamp(min=1)).clamp_(max=255)
    straight = torch.where((alpha == 0) | (alpha == 255), colours, straight)
    return torch.cat([straight.to(torch.uint8), changed[:, -1:]], dim=1)


SHAPING: dict[str, Callable[[Any], Change]] = {"resize": _resize, "rotate": _rotate, "crop": _crop}
