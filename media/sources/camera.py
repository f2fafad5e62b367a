"""The test camera: a moving pattern with a big number, that of the frame, drawn at camera speed."""

import itertools
import time
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bus import idle
from media.sources.job import Job
from media.sources.video import Frame, Opened, Promise, Selection, Steps

WIDTH, HEIGHT = 1280, 720
RATE = 25  # frames a second
CLIP = 750  # frames of the test that ends: half a minute
SCROLL = 4  # pixels that the stripes move from frame to frame
BALL = 120  # pixels across
STEP = (7, 5)  # pixels that the ball moves from frame to frame
DIGIT = (130, 200)  # pixels that one digit takes
LATE = 1.0  # seconds of delay that the camera makes up for; what is later stays late


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The frames that are due from number `first` on: to the end of the clip, or without end."""
    total = 0 if job.live else Promise(CLIP / RATE, RATE).total(job)
    yield Opened(job.size or (WIDTH, HEIGHT), RATE, total, not job.live)
    selection = Selection(job, first, not job.live)
    due = time.monotonic()
    for index in itertools.count() if job.live else range(CLIP):
        number = selection.number(index / RATE)
        if number is None and selection.behind:
            continue
        with idle():
            time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + 1 / RATE, time.monotonic() - LATE)
        if number is None:
            yield None
        else:
            picture = draw(index)
            yield Frame(number, picture.resize(job.size) if job.size else picture, time.time_ns())
        if selection.full:
            return


def draw(index: int) -> Image.Image:
    """Frame `index`: 1280x720, RGB, the same whenever it is drawn, unlike every other."""
    left = SCROLL * index % WIDTH
    picture = _stripes().crop((left, 0, left + WIDTH, HEIGHT))
    picture.paste("black", (_bounce(STEP[0] * index, WIDTH), _bounce(STEP[1] * index, HEIGHT)), _ball())
    digits = f"{index:06d}"
    at = (WIDTH - DIGIT[0] * len(digits)) // 2
    for digit in digits:
        picture.paste("white", (at, (HEIGHT - DIGIT[1]) // 2), _digit(digit))
        at += DIGIT[0]
    return picture


def _bounce(way: int, room: int) -> int:
    """Where the ball is after `way` pixels between two walls that are `room` apart."""
    room -= BALL
    return room - abs(way % (2 * room) - room)


@cache
def _stripes() -> Image.Image:
    """Slanted coloured stripes, the same on two screens side by side, without a seam between them."""
    import numpy  # while the splitter waits for the watcher

    across = numpy.arange(WIDTH) * (2 * numpy.pi * 4 / WIDTH)
    down = numpy.arange(HEIGHT) * (2 * numpy.pi / HEIGHT)
    waves = [numpy.sin(across[None, :] + down[:, None] + shift) for shift in (0.0, 2.1, 4.2)]
    screen = (110 + 90 * numpy.stack(waves, axis=-1)).astype(numpy.uint8)
    return Image.fromarray(numpy.concatenate((screen, screen), axis=1))


@cache
def _ball() -> Image.Image:
    mask = Image.new("L", (BALL, BALL))
    ImageDraw.Draw(mask).ellipse((0, 0, BALL - 1, BALL - 1), fill=255)
    return mask


@cache
def _digit(digit: str) -> Image.Image:
    mask = Image.new("L", DIGIT)
    middle = (DIGIT[0] // 2, DIGIT[1] // 2)
    ImageDraw.Draw(mask).text(middle, digit, fill=255, font=ImageFont.load_default(DIGIT[1]), anchor="mm")
    return mask
