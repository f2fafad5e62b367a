"""Which JPEGs a GPU and OpenCV are given."""

import io
from typing import Any

from PIL import Image

from bus import encode
from media.imaging.plain import plain
from tests.craft import jpeg, segment
from tests.torched import picture


def test_only_plain_jpegs_are_plain() -> None:
    def saved(image: Image.Image, **options: Any) -> bytes:
        body = io.BytesIO()
        image.save(body, "JPEG", **options)
        return body.getvalue()

    good = saved(picture())
    assert plain(good) == (3, 48, 64, b"")
    assert plain(saved(picture("L"), comment=b"by me", optimize=True)) == (1, 48, 64, b"by me")
    assert plain(saved(picture(), restart_marker_rows=1)) == (3, 48, 64, b"")
    turned = Image.Exif()
    turned[0x0112] = 6
    for other in (
        b"",
        good[:-1],
        good + b"more",
        good[:-40] + b"\xff\xc9" + good[-40:],
        good[:-2] + good,
        jpeg(segment(0xFE, b"Exif\0\0")),
        saved(picture(), icc_profile=bytes(99)),
        good[:20] + b"\xff\xd9",
        saved(picture(), progressive=True),
        saved(picture("CMYK")),
        saved(picture(), keep_rgb=True),
        saved(picture(), exif=turned),
        encode(picture(), "png"),
    ):
        assert plain(other) is None
