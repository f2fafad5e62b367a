"""What tests of the converter by OpenCV share: whether it is installed, frames, and how far two images are apart."""

import os

import numpy as np
import pytest
from PIL import Image

try:
    import cv2
except ImportError:
    cv2 = None  # type: ignore[assignment]

__all__ = ["EVERY", "SIZES", "noise", "off", "with_opencv"]

# Where CI is set nothing is skipped: there it is installed, or its tests fail.
with_opencv = pytest.mark.skipif(
    cv2 is None and not os.environ.get("CI"), reason="needs OpenCV: pip install -r requirements-opencv.txt"
)

RANDOM = np.random.default_rng(11)
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
SIZES = [(1, 1), (2, 2), (1, 4), (4, 1), (3, 3), (4, 3), (5, 5), (2, 9), (9, 2), (53, 37), (160, 120)]
EVERY = [  # each filter, with values that OpenCV does and such that it leaves to Pillow
    *("blur", "contour", "detail", "edge_enhance", "edge_enhance_more", "emboss", "find_edges", "sharpen", "smooth"),
    *("smooth_more", "grayscale", "invert", "equalize", {"resize": "20x"}, {"crop": "1x1+0+0"}),
    *({"rotate": degrees} for degrees in (0, 90, -90, 180, 270, 450, 12.5)),
]


def noise(mode: str, size: tuple[int, int], kind: str = "even") -> Image.Image:
    """Even noise, noise of black and white only, or noise on a slope."""
    width, height = size
    shape = (height, width, BANDS[mode])
    pixels = RANDOM.integers(0, 256, shape)
    if kind == "hard":
        pixels = RANDOM.integers(0, 2, shape) * 255
    if kind == "slope":
        pixels = (np.add.outer(np.arange(height) * 2, np.arange(width))[..., None] + pixels // 16) % 256
    return Image.frombytes(mode, size, pixels.astype(np.uint8).tobytes())


def off(ours: Image.Image, theirs: Image.Image) -> int:
    """Grey levels by which two images of a mode and a size differ, at most."""
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    return int(np.abs(np.asarray(ours, int) - np.asarray(theirs, int)).max())
