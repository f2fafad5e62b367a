"""Decoded frames on their way out of the decoder: a thread makes records of them while it decodes on."""

import threading
from collections import Counter, deque
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple

from av import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from bus import encode
from media.decoding.loans import Lender
from media.decoding.records import write
from media.sources.job import BadData, Job
from media.sources.pace import LATE, Lag
from media.sources.video import SLOW, Dropped, Opened

DEPTH = 3  # frames that wait: enough to keep two cores busy, a few frames of memory


class Picture(NamedTuple):
    """One frame that is kept."""

    number: int
    seconds: float | None  # at which it is shown, by the source's own clock; None: it has none
    frame: VideoFrame
    captured: int  # ns since the epoch


class Outbox:
    """Takes what is decoded, and writes it to a pipe in the same order: frames as JPEG, or as raw RGB.

    At most DEPTH frames wait. Then the source waits too; but of a live one (`lossy`) that shows more than we can take,
    the oldest frame goes. One without a clock of its own is as late as we have kept it waiting.
    """

    def __init__(self, pipe: int, job: Job, *, jpeg: bool, lossy: bool, lender: Lender | None = None) -> None:
        self._lender = lender  # of raw frames
        self._pipe, self._job, self._jpeg, self._lossy = pipe, job, jpeg, lossy
        self._reformatter = VideoReformatter()
        self._steps: deque[Any] = deque()
        self._frames = 0  # of them
        self._dropped: Counter[str] = Counter()  # reason -> frames
        self._lag = Lag()
        self._held = 0.0  # seconds for which the source had to wait, in all
        self._changed = threading.Condition()
        self._failed: Exception | None = None
        self._over = False
        self._thread = threading.Thread(target=self._work, name="outbox")
        self._thread.start()

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait until all is written. Raises what the writing raised."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()
        if self._failed and not error:
            raise self._failed

    def put(self, step: Any) -> None:
        """Write `step` in its turn. Raises what the writing of an earlier one raised."""
        with self._changed:
            if isinstance(step, Picture):
                self._make_room(step)
                self._frames += 1
            if self._failed:
                raise self._failed
            if isinstance(step, Dropped):
                self._dropped[step.why] += step.frames
            elif not self._steps or self._steps[-1] != step:  # a sign of life need not wait twice
                self._steps.append(step)
            self._changed.notify()

    def _make_room(self, picture: Picture) -> None:
        seconds = monotonic() - self._held if picture.seconds is None else picture.seconds
        self._lag.note(seconds, waiting=self._frames > 0)
        while self._frames >= DEPTH and not self._failed:
            if self._lossy and self._lag.late:
                self._let_go()
            else:
                began = monotonic()
                self._changed.wait(LATE / 10 if self._lossy else None)
                self._held += monotonic() - began
                self._lag.note(seconds, waiting=True)

    def _let_go(self) -> None:
        """Drop the oldest frame."""
        at = next(index for index, step in enumerate(self._steps) if isinstance(step, Picture))
        del self._steps[at]
        self._frames -= 1
        self._dropped[SLOW] += 1

    def _work(self) -> None:
        try:
            while (step := self._next()) is not None:
                self._write(step)
        except Exception as problem:
            with self._changed:
                self._failed = problem
                self._changed.notify()

    def _next(self) -> Any:
        with self._changed:
            while not (self._steps or self._dropped):
                if self._over:
                    return None
                self._changed.wait()
            opened = bool(self._steps) and isinstance(self._steps[0], Opened)
            if self._dropped and not opened:  # what is opened is told before what was dropped of it
                why, count = self._dropped.popitem()
                return Dropped(count, why)
            step = self._steps.popleft()
            self._frames -= isinstance(step, Picture)
            self._changed.notify()
            return step

    def _write(self, step: Any) -> None:
        if not isinstance(step, Picture):
            write(self._pipe, {"is": type(step).__name__, **step._asdict()})
            return
        words = {"is": "Frame", "number": step.number, "captured": step.captured}
        turn = step.frame.rotation  # a phone writes how it was held beside its pictures
        if self._jpeg:
            image = _upright(_image(self._rgb(step.frame, "rgb0"), "RGBX"), turn)
            write(self._pipe, words, encode(image, "jpg", self._job.quality))
        elif turn:
            image = _upright(_image(self._rgb(step.frame, "rgb24"), "RGB"), turn)
            write(self._pipe, {**words, "size": image.size}, image.tobytes())
        else:
            rgb = self._rgb(step.frame, "rgb24")
            pixels, words = _packed(rgb), {**words, "size": (rgb.width, rgb.height)}
            place = self._lender.lend(pixels) if self._lender else {}
            write(self._pipe, {**words, **place}, b"" if place else pixels)

    def _rgb(self, frame: VideoFrame, format: str) -> VideoFrame:
        """The frame in this layout of RGB, in the size asked for; not upright yet."""
        width, height = size_of(frame, self._job)
        if _turned(frame):
            width, height = height, width
        try:
            return self._reformatter.reformat(frame, width, height, format)
        except (FFmpegError, ValueError) as error:
            raise BadData(
                f"{self._job.shown} has frames that cannot be shown as RGB ({frame.format.name}: {error})"
            ) from None


def _image(rgb: VideoFrame, mode: str) -> Image.Image:
    """The frame as Pillow sees it; RGBX is how Pillow itself keeps RGB, and not copied."""
    pixels: Any = rgb.planes[0]  # which is a buffer
    return Image.frombuffer(mode, (rgb.width, rgb.height), pixels, "raw", mode, pixels.line_size, 1)


def _upright(image: Image.Image, turn: int) -> Image.Image:
    return image.rotate(turn, expand=True) if turn else image


def _packed(rgb: VideoFrame) -> bytes | memoryview:
    """Its pixels, line by line, without what FFmpeg leaves between two lines."""
    pixels, width = rgb.planes[0], 3 * rgb.width
    lines, step = memoryview(pixels), pixels.line_size
    if step == width:
        return lines[: width * rgb.height]
    return b"".join(lines[at : at + width] for at in range(0, step * rgb.height, step))


def size_of(frame: VideoFrame, job: Job) -> tuple[int, int]:
    """Width and height in pixels of what comes out."""
    if job.size:
        return job.size
    return (frame.height, frame.width) if _turned(frame) else (frame.width, frame.height)


def _turned(frame: VideoFrame) -> bool:
    return abs(frame.rotation) == 90
