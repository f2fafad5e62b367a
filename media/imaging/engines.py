"""Who converts: Pillow, or OpenCV, which is faster, and whose results are Pillow's within one grey level."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import PIL
from PIL import Image, ImageFilter

from bus import Message
from media.imaging.filters import chain, pairs

if TYPE_CHECKING:
    from media.imaging.opencv import OpenCV

ENGINES = ("auto", "pillow", "opencv")
INSTALL = "pip install -r requirements-opencv.txt"


def choose(engine: str, filter: str | list[Any] | dict[str, Any]) -> "Pillow | OpenCV":
    """Who applies `filter`; `auto`: OpenCV if it is installed and there is a kernel in the chain. Raises ValueError."""
    if engine not in ENGINES:
        raise ValueError(f'there is no engine "{engine}". There are: {", ".join(ENGINES)}')
    pillow = Pillow(filter)
    gains = any(hasattr(ImageFilter, name.upper()) for name, _ in pairs(filter))  # others take as long with either
    if engine == "pillow" or (engine == "auto" and not gains):
        return pillow
    try:
        from media.imaging.opencv import OpenCV

        return OpenCV(filter, pillow)
    except (ImportError, OSError) as error:  # OSError: a library that it was built with is missing
        words = str(error).partition("\n")[0] or type(error).__name__
        problem = f"OpenCV cannot be used ({words}): {INSTALL}"
        if isinstance(error, ModuleNotFoundError) and engine == "auto":
            problem = f"OpenCV would be faster: {INSTALL}"
    except ValueError as error:
        problem = f"{error}: {INSTALL}"
    if engine == "opencv":
        raise ValueError(problem)
    pillow.remark = f"; {problem}"
    return pillow


@dataclass
class Picture:
    """An image that Pillow made."""

    image: Image.Image

    def content(self, format: str, quality: int) -> Image.Image | bytes:
        """What is saved."""
        return self.image

    @property
    def payload(self) -> Image.Image:
        """What is pushed on."""
        return self.image


class Pillow:
    """A chain of filters by Pillow."""

    remark = ""

    def __init__(self, filter: str | list[Any] | dict[str, Any]) -> None:
        """Raises ValueError for what is no chain."""
        self._change = chain(filter)

    def __str__(self) -> str:
        return f"converts with Pillow {PIL.__version__}{self.remark}"

    def convert(self, frame: Message) -> Picture:
        """The frame converted. Raises Undecodable, and ValueError for a frame that a filter does not fit."""
        return Picture(self._change(frame.image))
