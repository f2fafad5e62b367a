"""The filters of media/imaging/filters.py on batches of images in the memory of a torch device.

A batch is batch x bands x height x width, uint8; bands are those of Pillow's modes L, LA, RGB and RGBA. Each filter
computes what Pillow computes, in whole numbers or in Pillow's own order of float32 and float64 sums: results are
Pillow's to the bit, or off by one where a device, or Pillow's compiler, joins a product and a sum into one operation.
"""

from collections.abc import Callable
from typing import Any

import numpy
import torch
from PIL import ImageFilter
from torch import Tensor

from media.imaging.filters import pairs
from media.imaging.resampling import SHAPING

Change = Callable[[Tensor], Tensor]

EXACT = (1, 2, 13, 16)  # what sums of a kernel can be divided by without a tie that only float32's errors decide


def tensor_chain(filter: str | list[Any] | dict[str, Any]) -> Change:
    """As media.imaging.filters.chain, for a batch. It and the function raise ValueError for the same mistakes."""
    steps = [SHAPING[name](value) if name in SHAPING else PLAIN[name] for name, value in pairs(filter)]

    def change(batch: Tensor) -> Tensor:
        for step in steps:
            batch = step(batch)
        return batch

    return change


# ---- filters without a value


def _kernel(kernel: type[ImageFilter.BuiltinFilter]) -> Change:
    (size, _), divisor, offset, weights = kernel.filterargs
    edge = size // 2
    # Pillow's rows go from the bottom to the top.
    rows = [weights[row * size : (row + 1) * size] for row in range(size)]

    def change(batch: Tensor) -> Tensor:
        height, width = batch.shape[-2:]
        if height < size or width < size:
            return batch
        inner = height - 2 * edge, width - 2 * edge

        def taps(pixels: Tensor, row: int) -> list[tuple[Tensor, float]]:
            below = pixels.narrow(-2, size - 1 - row, inner[0])
            return [(below.narrow(-1, column, inner[1]), w) for column, w in enumerate(rows[row]) if w]

        sums = (_whole_sums if divisor in EXACT else _float_sums)(batch, taps, size, divisor, offset + 0.5)
        result = batch.clone()
        result[..., edge : height - edge, edge : width - edge] = sums.clamp_(0, 255).to(torch.uint8)
        return result

    return change


Taps = Callable[[Tensor, int], list[tuple[Tensor, float]]]


def _whole_sums(batch: Tensor, taps: Taps, size: int, divisor: float, offset: float) -> Tensor:
    """Sums of 16 bits, which all these kernels fit, divided once."""
    pixels = batch.to(torch.int16)
    total: Tensor | None = None
    for row in range(size):
        for tap, weight in taps(pixels, row):
            total = tap * int(weight) if total is None else total.add_(tap, alpha=int(weight))
    assert total is not None
    return total.float().div_(divisor).add_(offset)


def _float_sums(batch: Tensor, taps: Taps, size: int, divisor: float, offset: float) -> Tensor:
    """Sums of products, each rounded to float32 as Pillow's loops do it."""
    pixels = batch.float()
    total: Tensor | float = offset
    for row in range(size):
        line: Tensor | None = None
        for tap, weight in taps(pixels, row):
            product = tap * float(numpy.float32(weight) / numpy.float32(divisor))
            line = product if line is None else line.add_(product)
        if line is not None:
            total = line.add_(total)
    assert isinstance(total, Tensor)
    return total


def _grayscale(batch: Tensor) -> Tensor:
    if batch.shape[1] < 3:
        return batch[:, :1]
    red, green, blue = (batch[:, band : band + 1].to(torch.int32) for band in range(3))
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16).to(torch.uint8)


def _colours(operation: Change) -> Change:
    """`operation` for the colours; a transparency stays as it is."""

    def change(batch: Tensor) -> Tensor:
        if batch.shape[1] in (1, 3):
            return operation(batch)
        return torch.cat([operation(batch[:, :-1]), batch[:, -1:]], dim=1)

    return change


def _equalize(batch: Tensor) -> Tensor:
    """Each band of each image through the table that spreads its histogram."""
    count, bands, height, width = batch.shape
    tables = torch.arange(count * bands, dtype=torch.int32, device=batch.device).view(count, bands, 1, 1) * 256
    places = (batch + tables).flatten()
    histogram = torch.bincount(places, minlength=count * bands * 256).view(-1, 256)
    used = histogram > 0
    last = 255 - used.flip(1).to(torch.uint8).argmax(1, keepdim=True)
    step = (height * width - histogram.gather(1, last)) // 255
    before = histogram.cumsum(1) - histogram
    spread = ((step // 2 + before) // step.clamp(min=1)).clamp_(max=255)
    same = torch.arange(256, device=batch.device).expand_as(spread)
    table = torch.where(step > 0, spread, same).to(torch.uint8)
    return table.flatten().index_select(0, places).view_as(batch)


PLAIN: dict[str, Change] = {
    **{
        kernel.__name__.lower(): _kernel(kernel)
        for kernel in (
            *(ImageFilter.BLUR, ImageFilter.CONTOUR, ImageFilter.DETAIL, ImageFilter.EDGE_ENHANCE),
            *(ImageFilter.EDGE_ENHANCE_MORE, ImageFilter.EMBOSS, ImageFilter.FIND_EDGES, ImageFilter.SHARPEN),
            *(ImageFilter.SMOOTH, ImageFilter.SMOOTH_MORE),
        )
    },
    "grayscale": _grayscale,
    "invert": _colours(lambda batch: 255 - batch),
    "equalize": _colours(_equalize),
}
