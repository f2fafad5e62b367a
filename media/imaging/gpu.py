"""Frames by the batch through a chain of filters on a GPU, or on a CPU with the same arithmetic."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor

from bus import Message
from media.imaging.devices import why_none, works
from media.imaging.filters import chain, unpacked
from media.imaging.jpegs import Jpegs
from media.imaging.tensors import tensor_chain

BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}  # the modes that are converted on the device; others are Pillow's
MODES = {bands: mode for mode, bands in BANDS.items()}
TOGETHER = 2**26  # bytes of images that go through the filters at once; they take many times that meanwhile


@dataclass
class Picture:
    """A frame on its way: on the device, or in Pillow's hands, or refused."""

    frame: Message
    pixels: Tensor | None = None  # bands x height x width, on the device
    image: Image.Image | None = None
    info: dict[Any, Any] = field(default_factory=dict)  # what came with the image and goes into the result's file
    jpeg: bytes | None = None
    error: ValueError | None = None  # the reason for a dead letter


class Gpu:
    """A device, a chain of filters and a JPEG codec."""

    def __init__(self, filter: str | list[Any] | dict[str, Any], device: torch.device, jpeg: str = "auto") -> None:
        """`jpeg`: auto (on a GPU, by torchvision), torchvision (on a CPU too), pillow. Raises ValueError.

        Raises RuntimeError if the device does not work: before it has a frame, which would be blamed for it.
        """
        if jpeg not in ("auto", "torchvision", "pillow"):
            raise ValueError(f'there is no jpeg "{jpeg}": write auto, torchvision or pillow')
        self.device = device
        self._pillow, self._tensors = chain(filter), tensor_chain(filter)
        if device.type == "cuda":
            torch.cuda.set_device(device)  # torchvision's encoder minds which one is the current one
        by_torchvision = jpeg == "torchvision" or (jpeg == "auto" and device.type == "cuda")
        self._jpegs = Jpegs(device) if by_torchvision else None
        with suppress(ValueError):  # a crop that does not fit
            self._tensors(torch.zeros((1, 3, 8, 8), dtype=torch.uint8, device=device))
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def __str__(self) -> str:
        """What is done where, for the log."""
        if self.device.type == "cuda":
            where = f"{self.device}, {torch.cuda.get_device_name(self.device)}"
        else:
            why = why_none()
            where = f"the CPU (torch sees no GPU, {why})" if why else "the CPU"
        done = {"decoded": self._jpegs and self._jpegs.decodes, "encoded": self._jpegs and self._jpegs.encodes}
        there = "torchvision, on the GPU" if self.device.type == "cuda" else "torchvision"
        by = [f"{word} by {there if works else 'Pillow, on the CPU'}" for word, works in done.items()]
        why = f" ({self._jpegs.why_not})" if self._jpegs and self._jpegs.why_not else ""
        return f"converts on {where}; JPEG is {', '.join(by)}{why}"

    @property
    def works(self) -> bool:
        """Whether the device still computes."""
        return works(self.device)

    def convert(self, frames: list[Message], quality: int | None, images: bool) -> list[Picture]:
        """Each frame converted: as a JPEG of `quality` unless that is None, and as an image if `images` or need be.

        Where the device has too little memory for all, half of them at a time; for one, Pillow does it. Raises
        RuntimeError if the device fails.
        """
        try:
            return self._convert(frames, quality, images)
        except torch.OutOfMemoryError:
            pass  # and let go of what it held
        torch.cuda.empty_cache()
        if len(frames) == 1:
            print(f"too little memory on {self.device} for {frames[0]!r}: converted on the CPU")
            return [self._alone(frames[0])]
        half = len(frames) // 2
        return self.convert(frames[:half], quality, images) + self.convert(frames[half:], quality, images)

    def _convert(self, frames: list[Message], quality: int | None, images: bool) -> list[Picture]:
        pictures = self.decode(frames)
        self.change(pictures)
        if quality is not None:
            self.encode(pictures, quality)
        self.fetch(pictures, images)
        return pictures

    def decode(self, frames: list[Message]) -> list[Picture]:
        """The frames on the device, where they can be converted there."""
        pictures = [Picture(frame) for frame in frames]
        if self._jpegs and self._jpegs.decodes:
            encoded = [picture for picture in pictures if picture.frame.encoded]
            files = [_guarded(picture, _bytes, picture.frame) or b"" for picture in encoded]
            for picture, pixels in zip(encoded, self._jpegs.decode(files), strict=True):
                picture.pixels = pixels
        for picture in pictures:
            if picture.pixels is None and picture.error is None:
                _guarded(picture, self._load, picture)
        return pictures

    def change(self, pictures: list[Picture]) -> None:
        """Put them through the filters, those of a size together."""
        groups: dict[tuple[int, ...], list[Picture]] = {}
        for picture in pictures:
            if picture.pixels is not None:
                groups.setdefault(tuple(picture.pixels.shape), []).append(picture)
            elif picture.image is not None:
                picture.image = _guarded(picture, self._pillow, picture.image)
        for shape, group in groups.items():
            most = max(1, TOGETHER // max(1, shape[0] * shape[1] * shape[2]))
            for start in range(0, len(group), most):
                self._change(group[start : start + most])

    def encode(self, pictures: list[Picture], quality: int) -> None:
        """Make JPEGs of what can be made into one on the device."""
        if not self._jpegs:
            return
        there = [picture for picture in pictures if picture.pixels is not None]
        files = self._jpegs.encode([picture.pixels for picture in there if picture.pixels is not None], quality)
        for picture, file in zip(there, files, strict=True):
            picture.jpeg = file

    def fetch(self, pictures: list[Picture], images: bool) -> None:
        """Bring back from the device what has no JPEG, or all if `images`."""
        for picture in pictures:
            if picture.pixels is not None and (images or picture.jpeg is None):
                array = picture.pixels.permute(1, 2, 0).contiguous().cpu().numpy()
                mode, size = MODES[array.shape[2]], (array.shape[1], array.shape[0])
                picture.image = Image.frombuffer(mode, size, array.tobytes(), "raw", mode, 0, 1)
                picture.image.info = picture.info
            picture.pixels = None

    def _load(self, picture: Picture) -> None:
        image = unpacked(picture.frame.image)
        if image.mode not in BANDS or "transparency" in image.info:
            picture.image = picture.frame.image
            return
        array = numpy.array(image).reshape(image.height, image.width, -1)
        picture.pixels = torch.from_numpy(array).to(self.device).permute(2, 0, 1).contiguous()
        picture.info = dict(image.info)

    def _change(self, group: list[Picture]) -> None:
        batch = torch.stack([picture.pixels for picture in group if picture.pixels is not None])
        try:
            changed = [*self._tensors(batch).unbind()]
        except ValueError as never:
            for picture in group:
                picture.pixels, picture.error = None, never
            return
        for picture, pixels in zip(group, changed, strict=True):
            picture.pixels = pixels

    def _alone(self, frame: Message) -> Picture:
        """One frame, by Pillow."""
        picture = Picture(frame)
        picture.image = _guarded(picture, lambda: self._pillow(frame.image))
        return picture


def _bytes(frame: Message) -> bytes:
    return frame.bytes


def _guarded(picture: Picture, work: Callable[..., Any], *given: Any) -> Any:
    """What `work` makes of what is given; None if it refuses the picture."""
    try:
        return work(*given)
    except ValueError as never:
        picture.error = never
        return None
