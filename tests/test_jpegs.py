"""Which JPEGs a GPU is given."""

import io
from typing import Any

from PIL import Image

from bus import encode
from tests.torched import picture, with_torch


@with_torch
def test_only_plain_jpegs_are_the_gpus() -> None:
    from media.jpegs import plain

    def saved(image: Image.Image, **options: Any) -> bytes:
        body = io.BytesIO()
        image.save(body, "JPEG", **options)
        return body.getvalue()

    good = saved(picture())
    assert plain(good) == (3, 48, 64)
    assert plain(saved(picture("L"), comment=b"by me", optimize=True)) == (1, 48, 64)
    turned = Image.Exif()
    turned[0x0112] = 6
    for other in (
        b"",
        good[:-1],
        good + b"more",
        good[:20] + b"\xff\xd9",
        saved(picture(), progressive=True),
        saved(picture("CMYK")),
        saved(picture(), keep_rgb=True),
        saved(picture(), exif=turned),
        encode(picture(), "png"),
    ):
        assert plain(other) is None
