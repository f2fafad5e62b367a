"""A source: a camera in a hallway, where somebody walks by now and then."""

import time

from PIL import Image, ImageDraw

from bus import Message, idle, run

RATE = 25  # frames a second
EVERY = 5 * RATE  # frames from one visitor to the next
STAYS = 2 * RATE  # frames for which each is seen


def hallway(*, seconds=8):
    for number in range(int(seconds * RATE)):
        with idle():
            time.sleep(1 / RATE)
        picture = Image.new("RGB", (640, 360), (88, 84, 80))
        draw = ImageDraw.Draw(picture)
        draw.polygon([(0, 360), (640, 360), (400, 200), (240, 200)], (60, 56, 52))
        draw.rectangle((270, 90, 370, 200), (120, 90, 60))
        if (step := number % EVERY) < STAYS:
            left = 640 * step // STAYS
            draw.ellipse((left + 10, 120, left + 40, 150), (220, 180, 150))
            draw.rectangle((left, 150, left + 50, 320), (210, 200, 170))
        yield Message(picture, stream="hallway", number=number, name=f"hallway-{number:05d}.jpg")


if __name__ == "__main__":
    run(hallway)
