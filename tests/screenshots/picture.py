"""A picture on its way into the docs: what it may not tell, and a file of few bytes."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.launch import ROOT

COLOURS = 256  # of a picture: with a palette it takes a third of the bytes, and nobody sees it
SHARP = 2  # pixels of a picture for each one of the page, as on a good screen
PIECE = 8  # characters of a token that no text has by chance


def save(png: bytes, text: str, token: str, path: Path) -> None:
    """Write the picture, on which `text` is to be read. Raises AssertionError if that is not for everybody."""
    assert not (found := private(text, token)), f"{path.name} would show {found}"
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    few.save(path, optimize=True)


def private(text: str, token: str) -> list[str]:
    """What of `text` is no business of a stranger's: a piece of the token (empty: there is none), or of our paths."""
    pieces = (token[at : at + PIECE] for at in range(len(token) - PIECE + 1))
    return [one for one in ("token=", *pieces, str(ROOT), f"{Path.home()}/", "/run/user") if one in text]


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """A new folder, for as long as the with-block lasts. Raises FileExistsError if there is one."""
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)
