"""One frame's work: JPEG -> pixels, EMBOSS, pixels -> JPEG; with Pillow alone, and with OpenCV's filter.

Both emboss to the same pixels, bit for bit: Pillow's kernel is turned upside down, and its border is a copy.
"""

import io
from collections.abc import Callable

import numpy
from PIL import Image, ImageFilter

QUALITY = 90
KERNEL = numpy.array([[0, 0, 0], [0, 1, 0], [-1, 0, 0]], numpy.float32)
Change = Callable[[Image.Image], Image.Image]


def decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def encoded(image: Image.Image) -> bytes:
    body = io.BytesIO()
    image.save(body, "JPEG", quality=QUALITY)
    return body.getvalue()


def by(engine: str) -> Change:
    """The filter of `pillow` or `opencv`."""
    return _by_opencv() if engine == "opencv" else _by_pillow


def _by_pillow(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.EMBOSS)


def _by_opencv() -> Change:
    import cv2

    cv2.setNumThreads(1)  # the processes share the cores already

    def change(image: Image.Image) -> Image.Image:
        pixels = numpy.asarray(image)
        result = cv2.filter2D(pixels, -1, KERNEL, delta=128)
        result[(0, -1), :] = pixels[(0, -1), :]
        result[:, (0, -1)] = pixels[:, (0, -1)]
        return Image.fromarray(result)

    return change
