"""What tests of the converter on a GPU share: torch, where it is installed, and pictures."""

import numpy as np
import pytest
from PIL import Image

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment,unused-ignore]

__all__ = ["BANDS", "RANDOM", "picture", "torch", "with_torch"]

with_torch = pytest.mark.skipif(torch is None, reason="needs torch: pip install -r requirements-torch.txt")

RANDOM = np.random.default_rng(5)
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}


def picture(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Noise on a slope, with a flat part."""
    width, height = size
    slope = np.add.outer(np.arange(height) * 2, np.arange(width) * 3)[..., None]
    pixels = (slope + RANDOM.integers(0, 90, (height, width, BANDS[mode]))) % 256
    pixels[height // 2 :, width // 2 :] = 200
    return Image.frombytes(mode, size, pixels.astype(np.uint8).tobytes())
