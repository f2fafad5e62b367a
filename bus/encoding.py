"""How pixels that a node changed travel on a wire, as graph.yaml and a command line say it."""

from __future__ import annotations

from typing import NamedTuple

QUALITY = 90  # of 100, where none is given
QUALITIES = ("jpeg", "webp")  # those that have one
FORMATS = ("jpeg", "png", "webp", "raw")
RAW_MODES = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}  # pixel modes that travel raw -> bytes a pixel


class Encoding(NamedTuple):
    """An image format and its quality; `raw`, the default, is no encoding at all."""

    format: str = "raw"
    quality: int = 0  # 0: it has none

    @classmethod
    def parse(cls, text: str) -> Encoding:
        """`jpeg`, `png`, `webp` or `raw`, or with a quality `jpeg:85`. Raises ValueError, a sentence with the cure."""
        format, colon, quality = text.partition(":")
        if format not in FORMATS:
            raise ValueError(f'"{text}" is no encoding. Write jpeg, png, webp or raw, or with a quality e.g. jpeg:85')
        if not colon:
            return cls(format, QUALITY if format in QUALITIES else 0)
        if format not in QUALITIES:
            raise ValueError(f'"{text}" has a quality, and {format} has none: it loses nothing. Write {format}')
        if not (quality.isascii() and quality.isdigit() and len(quality) < 4 and 1 <= int(quality) <= 100):
            raise ValueError(f'"{text}" has no quality from 1 to 100. Write e.g. {format}:85')
        return cls(format, int(quality))

    def __str__(self) -> str:
        return f"{self.format}:{self.quality}" if self.quality else self.format

    @property
    def raw(self) -> bool:
        return self.format == "raw"


RAW = Encoding()
BETWEEN_HOSTS = Encoding("jpeg", QUALITY)  # where graph.yaml says nothing else
