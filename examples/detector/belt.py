"""A source: a camera above a conveyor belt, on which crates and tubs go by."""

import time

from PIL import Image, ImageDraw

from bus import Message, idle, run

RATE = 25  # frames a second
SPEED = 7  # pixels a frame
AGAIN = 840  # pixels of the belt, which is laid out again behind that
LAID = [("crate", 20, 90), ("tub", 190, 200), ("crate", 330, 160), ("tub", 500, 110), ("tub", 610, 190)]  # left, top
SIZES = {"crate": 96, "tub": 64}  # pixels across
COLOURS = {"crate": ((226, 132, 40), (196, 104, 20)), "tub": ((52, 104, 214), (32, 76, 178))}


def things(number):
    """What can be seen in this frame, and where: (kind, left, top, right, bottom), also beyond the frame's edge."""
    for kind, at, top in LAID:
        left, size = (at + SPEED * number) % AGAIN - SIZES["crate"], SIZES[kind]
        if -size < left < 640:
            yield kind, left, top, left + size, top + size


def picture(number):
    image = Image.new("RGB", (640, 360), (52, 54, 58))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 76, 640, 284), (104, 106, 108))
    for joint in range(SPEED * number % 60, 640, 60):
        draw.line((joint, 76, joint, 284), (92, 94, 96), width=2)
    for kind, left, top, right, bottom in things(number):
        light, dark = COLOURS[kind]
        if kind == "crate":
            draw.rectangle((left, top, right - 1, bottom - 1), light)
            for plank in range(top + 24, bottom, 24):
                draw.line((left, plank, right - 1, plank), dark, width=3)
        else:
            draw.rounded_rectangle((left, top, right - 1, bottom - 1), 8, light)
            draw.ellipse((left + 9, top + 9, right - 10, bottom - 10), dark)
    return image


def belt(*, seconds=4):
    for number in range(int(seconds * RATE)):
        with idle():
            time.sleep(1 / RATE)
        yield Message(picture(number), stream="belt", number=number, name=f"belt-{number:05d}.jpg")


if __name__ == "__main__":
    run(belt)
