"""Find things in every frame with an ONNX model of your own, draw boxes around them, and send them as data.

    python -m nodes.detect --model=yolov8n.onnx …

Needs onnxruntime: pip install -r requirements-detect.txt. docs/nodes.md says which models are understood.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from bus import Message, run, step

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000")  # by label


def detect(
    frames: Iterable[Message],
    *,
    model: str,
    device: str = "auto",
    threshold: float = 0.25,
    overlap: float = 0.5,
    draw: bool = True,
) -> Iterator[Message]:
    """Yield every frame with what was found in it as `boxes` in its data, and drawn.

    model: an ONNX file
    device: auto (a GPU if onnxruntime can use it), cpu or cuda
    threshold: how sure the model must be, above 0 and up to 1
    overlap: boxes of one class that share more of their area than this are one, above 0 and up to 1
    draw: draw the boxes; without, frames go on as they came
    """
    try:
        from media.imaging.detector import Detector

        detector = Detector(model, device, threshold, overlap)
    except ValueError as mistake:
        print(mistake)
        raise SystemExit(2) from None
    print(f"detects with {model} on {detector.device}")

    for frame in frames:
        with step("process"):
            found = detector.find(frame.image)
        boxes = [{"label": box.label, "score": box.score, "box": list(box.corners)} for box in found]
        yield frame.replace(_drawn(frame.image, boxes) if draw and boxes else None, data={"boxes": boxes})


def _drawn(image: Image.Image, boxes: list[dict[str, Any]]) -> Image.Image:
    """A copy of the image with a frame around each thing, and its name and score."""
    picture = image.convert("RGB") if image.mode != "RGB" else image.copy()
    pen, width = ImageDraw.Draw(picture), max(1, round(picture.width / 400))
    high = max(10, round(picture.width / 50))  # pixels of the letters
    font = ImageFont.load_default(high)
    for box in reversed(boxes):  # the surest on top
        colour = COLOURS[sum(box["label"].encode()) % len(COLOURS)]
        left, top, right, bottom = box["box"]
        pen.rectangle((left, top, right, bottom), outline=colour, width=width)
        words = f" {box['label']} {box['score']:.2f} "
        under = pen.textbbox((left, max(top, high)), words, font=font, anchor="lb")
        pen.rectangle(under, fill=colour)
        pen.text((under[0], under[3]), words, fill="white", font=font, anchor="lb")
    return picture


if __name__ == "__main__":
    run(detect)
