"""Object detection by an ONNX model of the user's: a picture goes in, boxes in its own pixels come out.

Pixels go in as RGB, scaled to fit, grey around them; as bytes where the model takes bytes, else as 0 to 1.
"""

import ast
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from media.imaging.boxes import Array, best, understood

INSTALL = "pip install -r requirements-detect.txt"
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
SIDE = 640  # pixels, for a model that takes any size
GREY = (114, 114, 114)  # around a picture of another shape, as YOLO is trained
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
MOST = 100  # boxes of a picture, the surest: they travel as data


class Box(NamedTuple):
    """One thing that was found."""

    label: str  # the name of its class, or its number where the model holds no names
    score: float  # 0 to 1
    corners: tuple[float, float, float, float]  # left, top, right and bottom, in pixels of the picture


class Detector:
    """A model, ready to run."""

    def __init__(self, model: str, device: str, threshold: float, overlap: float) -> None:
        """Boxes below `threshold` are left out, and those that share more than `overlap` with a surer one.

        Raises ValueError, a sentence for the user, for what cannot be right, and where onnxruntime is missing.
        """
        if not 0 < threshold <= 1 or not 0 < overlap <= 1:
            raise ValueError(f"threshold is {threshold} and overlap {overlap}, but go from above 0 to 1")
        if not Path(model).is_file():
            raise ValueError(f"there is no model {Path(model).absolute()}: give an ONNX file")
        self._threshold, self._overlap = threshold, overlap
        self._session = _session(model, device)
        self.device = "cuda" if self._session.get_providers()[0] == CUDA else "cpu"
        self._names = _names(self._session.get_modelmeta().custom_metadata_map.get("names", "{}"))
        try:
            self._input, self._type, self._planar, self._size = _input(self._session.get_inputs())
            self.find(Image.new("RGB", self._size))  # whether it is understood shows now, not with the first frame
        except ValueError as error:
            raise ValueError(f"cannot detect with {model}: {error}") from None

    def find(self, image: Image.Image) -> list[Box]:
        """What is in the image, the surest first."""
        pixels, scale, offset = self._fitted(image.convert("RGB"))
        outputs = self._session.run(None, {self._input: pixels})
        named = dict(zip((output.name for output in self._session.get_outputs()), outputs, strict=True))
        found = understood(named, self._size, len(self._names))
        corners = (found.corners - np.array(offset * 2)) / np.array(scale * 2)
        corners = corners.clip(0, np.array(image.size * 2))
        return [
            Box(
                self._names.get(int(found.classes[row]), str(found.classes[row])),
                round(float(found.scores[row]), 3),
                tuple(round(float(side), 1) for side in corners[row]),  # type: ignore[arg-type]
            )
            for row in best(found, self._threshold, self._overlap, MOST)
        ]

    def _fitted(self, image: Image.Image) -> tuple[Array, tuple[float, float], tuple[int, int]]:
        """What the model takes; by how much the image was scaled for that, and where in it it is."""
        width, height = self._size
        fits = min(width / image.width, height / image.height)
        small = max(1, round(image.width * fits)), max(1, round(image.height * fits))
        offset = (width - small[0]) // 2, (height - small[1]) // 2
        ground = Image.new("RGB", self._size, GREY)
        ground.paste(image.resize(small, Image.Resampling.BILINEAR), offset)
        pixels = np.asarray(ground)[None]
        if self._type != np.uint8:
            pixels = (pixels / 255).astype(self._type)
        if self._planar:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return pixels, (small[0] / image.width, small[1] / image.height), offset


def _session(model: str, device: str) -> Any:
    """The model, loaded. Raises ValueError."""
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f'there is no device "{device}". There are: auto, cpu, cuda')
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(f"nodes.detect needs onnxruntime, which cannot be used ({error}): {INSTALL}") from None
    has_cuda = CUDA in onnxruntime.get_available_providers()
    try:
        session = onnxruntime.InferenceSession(model, providers=[CUDA, CPU] if has_cuda and device != "cpu" else [CPU])
    except Exception as error:  # it has a class for each kind of trouble, and no common one
        raise ValueError(f"cannot load {model}: {error}") from None
    if device == "cuda" and session.get_providers()[0] != CUDA:
        cure = "its CUDA libraries are missing" if has_cuda else "install onnxruntime-gpu in place of onnxruntime"
        raise ValueError(f"onnxruntime {onnxruntime.__version__} cannot use CUDA: {cure}")
    return session


def _input(inputs: list[Any]) -> tuple[str, Any, bool, tuple[int, int]]:
    """The name and type of the model's input, whether it is colour by colour, and its size. Raises ValueError."""
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in TYPES:
        raise ValueError(f"it takes {', '.join(f'{one.name} {one.shape} {one.type}' for one in inputs)}, not a picture")
    name, (count, *sides) = inputs[0].name, [side if isinstance(side, int) else 0 for side in inputs[0].shape]
    if count > 1 or 3 not in (sides[0], sides[2]):
        raise ValueError(f"it takes {inputs[0].shape}, not one picture of three colours at a time")
    planar = sides[0] == 3
    height, width = sides[1:] if planar else sides[:2]
    return name, TYPES[inputs[0].type], planar, (width or SIDE, height or SIDE)


def _names(text: str) -> dict[int, str]:
    """The names of the classes that ultralytics' exports hold: {0: 'person', …}."""
    try:
        names = ast.literal_eval(text)
        return {int(number): str(name) for number, name in dict(names).items()}
    except (ValueError, SyntaxError, TypeError):
        return {}
