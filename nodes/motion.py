"""Pass on the frames in which something moves: those that differ from the last one that was passed on.

    python -m nodes.motion --threshold=0.01 …

Each stream is compared with itself. Its first frame is passed on, and again the first after the node died. Replicas
would each compare with frames of their own: one is enough, it only looks at a small grey copy.
"""

from collections.abc import Iterable, Iterator

from PIL import Image, ImageChops

from bus import Message, run

ACROSS = 160  # pixels of the small copy: what is smaller than a pixel of it, and noise, is averaged away


def motion(frames: Iterable[Message], *, threshold: float = 0.01, noise: int = 20) -> Iterator[Message]:
    """Yield every frame that differs from the last one yielded of its stream, with the score `motion` as data.

    threshold: the part of the picture that must have changed, above 0 and up to 1: 0.01 is a hundredth
    noise: grey levels by which a place may change and still count as the same, 0 to 254
    """
    if not 0 < threshold <= 1 or not 0 <= noise < 255:
        print(f"threshold is {threshold} and noise {noise}, but go from above 0 to 1, and from 0 to 254")
        raise SystemExit(2)
    passed: dict[str, Image.Image] = {}  # stream -> a small copy of its last frame that was passed on

    for frame in frames:
        small = _small(frame.image)
        score = _changed(passed.get(frame.stream), small, noise)
        if score >= threshold:
            passed[frame.stream] = small
            yield frame.replace(data={"motion": round(score, 4)})


def _small(image: Image.Image) -> Image.Image:
    """A grey copy of about ACROSS pixels' width, of the means of the pixels that each of its own stands for."""
    if image.mode[0] == "I":
        image = image.point(lambda level: level / 256)  # to 8 bits
    return image.convert("L").reduce(max(1, image.width // ACROSS))


def _changed(last: Image.Image | None, small: Image.Image, noise: int) -> float:
    """The part of the picture that is not as it was, 0 to 1; all of it where there is nothing to compare with."""
    if last is None or last.size != small.size:
        return 1.0
    levels = ImageChops.difference(last, small).histogram()
    return sum(levels[noise + 1 :]) / (small.width * small.height)


if __name__ == "__main__":
    run(motion)
