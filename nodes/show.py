"""Show the newest frame in a window, or say once a second what would be shown where there is no screen.

    python -m nodes.show …

A sink that holds the graph up as little as may be: of the frames that are there it shows the newest and finishes all.
Give its wire `keep: latest`: then frames that are not shown are not sent, either. Closing the window ends nothing else.
"""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from bus import Message, Undecodable, batches, called, outside, run

WINDOW = str(Path(__file__).parents[1] / "media" / "window.py")
SECOND = 1.0  # between two lines
MOST = 64  # frames that are there at once, at most


def show(frames: Iterable[Message], *, width: int = 1280, height: int = 720) -> None:
    """Show the newest frame.

    width: pixels that a frame is scaled down to, if it is wider
    height: pixels that a frame is scaled down to, if it is higher
    """
    if width < 1 or height < 1:
        print(f"a window of {width}x{height} shows nothing: give at least one pixel each way")
        raise SystemExit(2)
    window, said, since = _window(), time.monotonic() - SECOND, 0

    try:
        for batch in batches(frames, MOST):
            newest, since = batch[-1], since + len(batch)
            try:
                if window:
                    _put(window, newest.image, (width, height))
                elif (passed := time.monotonic() - said) >= SECOND:
                    size = "{}x{}".format(*newest.image.size)
                    print(f"would show {newest.name} of {size}, {since / passed:.1f} frames/s")
                    said, since = time.monotonic(), 0
            except Undecodable as never:
                newest.reject(str(never))
            except BrokenPipeError:
                print("the window was closed: goes on without one")
                window = _end(window)
    finally:
        _end(window)


def _window() -> "subprocess.Popen[bytes] | None":
    """A window, in a process of its own that goes with us; None where there is no screen, or no Tk."""
    command = [sys.executable, "-I", WINDOW, called()]
    window = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert window.stdout and window.stderr
    if window.stdout.read(1):
        print("shows the newest frame in a window")
        return window
    reason = window.communicate()[1].decode(errors="replace").strip().rpartition("\n")[2]
    print(f"there is no window ({reason or 'it went at once'}): says once a second what it would show")
    return None


def _end(window: "subprocess.Popen[bytes] | None") -> "subprocess.Popen[bytes] | None":
    """See the window off: it goes when its input ends, unless it has gone already. Nothing is left of it."""
    if window:
        window.communicate()
    return None


def _put(window: "subprocess.Popen[bytes]", image: Image.Image, size: tuple[int, int]) -> None:
    """Show the image, scaled down to `size`. Raises BrokenPipeError if the window was closed."""
    small = image.convert("RGB")
    small.thumbnail(size)
    body = b"P6 %d %d 255\n" % small.size + small.tobytes()
    assert window.stdin
    with outside("waits for the window"):
        window.stdin.write(len(body).to_bytes(4, "big") + body)
        window.stdin.flush()


if __name__ == "__main__":
    run(show)
