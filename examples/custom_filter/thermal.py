"""Show brightness as colour, from blue (dark) to red (bright), like a thermal camera."""

import numpy as np

from bus import run


def thermal(frames, *, levels=256):
    """Yield every frame in false colours.

    levels: how many colours there are, 2 to 256
    """
    bright = np.arange(256) * levels // 256 / (levels - 1)  # 0 to 1, in steps
    palette = np.stack([bright, 1 - abs(2 * bright - 1), 1 - bright], axis=1) * 255
    palette = palette.astype(np.uint8)

    for frame in frames:
        grey = np.asarray(frame.image.convert("L"))
        yield frame.replace(palette[grey])


if __name__ == "__main__":
    run(thermal)
