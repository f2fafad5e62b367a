"""Pass on the frames in which something moves, with a box around it; the score goes with them as data."""

from PIL import ImageChops, ImageDraw

from bus import run

ACROSS = 160, 90  # pixels of the copies that are compared
NOISE = 20  # grey levels that two equal frames may differ by


def alarm(frames, *, threshold=0.01):
    """Yield what differs from the frame before.

    threshold: the part of the picture that must have changed
    """
    before, is_on = None, False
    for frame in frames:
        small = frame.image.convert("L").resize(ACROSS)
        moved = ImageChops.difference(before or small, small).point(lambda level: 255 * (level > NOISE))
        before = small
        score = moved.histogram()[255] / (ACROSS[0] * ACROSS[1])
        was_on, is_on = is_on, score >= threshold
        if not is_on:
            continue
        if not was_on:
            print(f"ALARM: something moves, from {frame.name} on")
        picture = frame.image.copy()
        scale = picture.width / ACROSS[0]
        ImageDraw.Draw(picture).rectangle([scale * side for side in moved.getbbox()], outline="red", width=3)
        yield frame.replace(picture, data={"motion": round(score, 4)})


if __name__ == "__main__":
    run(alarm)
