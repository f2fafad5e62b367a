"""Send frames of noise, as bytes, at a rate: what a camera's encoded images are to the bus.

python -m bench.nodes.camera --rate=30 …
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bus import Message, called, idle, run, wait

LOOK = 0.02  # seconds between two looks for the sign
PATIENCE = 0.4  # seconds without a yield, at most


def camera(*, rate: float = 0.0, size: int = 120_000, limit: int = 0, go: str = "") -> Iterator[Message | None]:
    """Yield frames for ever.

    rate: frames a second; 0 for as many as go
    size: bytes of each
    limit: frames after which no more come, though it does not end; 0: there is no limit
    go: a file; the first frame comes when it is there
    """
    while go and not Path(go).exists():
        wait("waits for a sign to begin", LOOK)
        yield None
    noise, number, due = os.urandom(size), 0, time.monotonic()
    while True:
        early = due - time.monotonic() if not limit or number < limit else PATIENCE
        if early > 0:
            with idle():
                time.sleep(min(early, PATIENCE))
            if early >= PATIENCE:
                yield None
                continue
        yield Message(noise, stream=called(), number=number)
        number += 1
        due = max(due + 1 / rate, time.monotonic() - PATIENCE) if rate else due


if __name__ == "__main__":
    run(camera)
