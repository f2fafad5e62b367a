"""JPEG on a GPU: nvJPEG, by way of torchvision, and what becomes of the files that it cannot do."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor

from media.imaging.devices import works
from media.imaging.plain import plain

TOLERANCE = 16  # grey levels by which a decoder may differ on the smooth picture of the trial


class Jpegs:
    """JPEG by torchvision on a device, as far as a trial shows that it works; None stands for what it does not do."""

    def __init__(self, device: torch.device) -> None:
        self.decodes = self.encodes = False
        self.why_not = ""
        self._device = device
        with _quiet():
            try:
                import torchvision.io as io_module
                from torchvision.io import ImageReadMode

                self._io: Any = io_module
                self._modes = {1: ImageReadMode.GRAY, 3: ImageReadMode.RGB}
            except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: built for another torch
                self.why_not = f"torchvision cannot be used: {_first_line(error)}"
                return
        self.decodes, self.encodes = self._tried(self._decode_trial), self._tried(self._encode_trial)

    def decode(self, files: list[bytes]) -> list[Tensor | None]:
        """Each file as bands x height x width on the device; None for one that is Pillow's to do, or to refuse."""
        pixels: list[Tensor | None] = [None] * len(files)
        if not self.decodes:
            return pixels
        found = [plain(file) for file in files]
        for bands in (1, 3):
            places = [place for place, one in enumerate(found) if one and one.bands == bands]
            tensors = [_tensor(files[place]) for place in places]
            done = self._each(partial(self._decoded, bands), tensors)
            for place, image in zip(places, done, strict=True):
                one = found[place]
                if image is not None and one and tuple(image.shape) == one[:3]:
                    pixels[place] = image
        return pixels

    def encode(self, images: list[Tensor], quality: int) -> list[bytes | None]:
        """Each image as a file; None for one that is Pillow's to do: all but RGB."""
        files: list[bytes | None] = [None] * len(images)
        places = [place for place, image in enumerate(images) if self.encodes and image.shape[0] == 3]
        group = [images[place].contiguous() for place in places]
        done = self._each(lambda images: self._io.encode_jpeg(images, quality=quality), group)
        for place, file in zip(places, done, strict=True):
            files[place] = None if file is None else file.cpu().numpy().tobytes()
        return files

    def _decoded(self, bands: int, files: list[Tensor]) -> list[Tensor]:
        decoded: list[Tensor] = self._io.decode_jpeg(files, mode=self._modes[bands], device=self._device)
        return decoded

    def _each(self, work: Callable[[list[Tensor]], list[Tensor]], group: list[Tensor]) -> list[Tensor | None]:
        """What `work` makes of `group`; if it fails on the whole, one by one, and None where it fails.

        Raises RuntimeError if the device itself has failed.
        """
        if not group:
            return []
        if self._device.type == "cuda":  # torchvision's streams do not wait for what torch still computes
            torch.cuda.synchronize(self._device)
        with _quiet():
            try:
                return [*work(group)]
            except RuntimeError:
                if not works(self._device):
                    raise
            if len(group) == 1:
                return [None]
            return [one for image in group for one in self._each(work, [image])]

    def _tried(self, trial: Callable[[Image.Image], Image.Image]) -> bool:
        """Whether `trial`, there and back, leaves a picture nearly as it is."""
        ramp = numpy.add.outer(numpy.arange(32) * 2, numpy.arange(48)).astype(numpy.uint8)
        picture = Image.fromarray(numpy.stack([ramp, ramp + 40, 200 - ramp], axis=2))
        with _quiet():
            try:
                after = trial(picture)
            except (AttributeError, RuntimeError) as error:  # it has no such function, or cannot
                self.why_not = _first_line(error)
                return False
        off = numpy.abs(numpy.asarray(after, dtype=int) - numpy.asarray(picture, dtype=int)).max()
        if off > TOLERANCE:
            self.why_not = f"a trial picture came back {off} grey levels off"
        return bool(off <= TOLERANCE)

    def _decode_trial(self, picture: Image.Image) -> Image.Image:
        body = io.BytesIO()
        picture.save(body, "JPEG", quality=95)
        [pixels] = self._decoded(3, [_tensor(body.getvalue())])
        return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())

    def _encode_trial(self, picture: Image.Image) -> Image.Image:
        pixels = torch.from_numpy(numpy.array(picture)).permute(2, 0, 1).contiguous().to(self._device)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        [file] = self._io.encode_jpeg([pixels], quality=95)
        return Image.open(io.BytesIO(file.cpu().numpy().tobytes())).convert("RGB")


def _tensor(file: bytes) -> Tensor:
    return torch.frombuffer(bytearray(file), dtype=torch.uint8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: from 0.29 on torchvision says with each picture that it will drop this some day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
