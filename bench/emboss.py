"""One frame's work, by Pillow and by OpenCV: JPEG -> picture, EMBOSS, picture -> JPEG.

Both emboss to the same pixels, bit for bit: Pillow's kernel is turned upside down, and its border is a copy.
"""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
from PIL import Image, ImageFilter

QUALITY = 90
KERNEL = numpy.array([[0, 0, 0], [0, 1, 0], [-1, 0, 0]], numpy.float32)
Pixels = numpy.ndarray[Any, Any]  # height x width x 3, uint8


class Engine(NamedTuple):
    """What does it; each has a kind of picture of its own."""

    decoded: Callable[[bytes], Any]
    taken: Callable[[Pixels], Any]  # a picture of RGB pixels
    embossed: Callable[[Any], Any]
    encoded: Callable[[Any], bytes]


def engine(name: str) -> Engine:
    """`pillow` or `opencv`."""
    return _opencv() if name == "opencv" else Engine(_decoded, Image.fromarray, _embossed, _encoded)


def _decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def _embossed(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.EMBOSS)


def _encoded(image: Image.Image) -> bytes:
    body = io.BytesIO()
    image.save(body, "JPEG", quality=QUALITY)
    return body.getvalue()


def _opencv() -> Engine:
    import cv2

    cv2.setNumThreads(1)  # the processes share the cores already

    def decoded(content: bytes) -> Any:
        return cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_COLOR)

    def taken(pixels: Pixels) -> Any:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)

    def embossed(picture: Any) -> Any:
        result: Any = cv2.filter2D(picture, -1, KERNEL, delta=128)
        result[(0, -1), :] = picture[(0, -1), :]
        result[:, (0, -1)] = picture[:, (0, -1)]
        return result

    def encoded(picture: Any) -> bytes:
        return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])

    return Engine(decoded, taken, embossed, encoded)
