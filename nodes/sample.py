"""Pass on some frames only: every Nth of each stream, or so many a second by the time at which they were captured.

    python -m nodes.sample --rate=1 …

Both count from the first frame that comes, again after the node died, so one replica is enough.
"""

from collections.abc import Iterable, Iterator
from math import floor

from bus import Message, run

BACK = 10.0  # seconds: a frame that is older than the last by less came late; by more, its clock was set back
RATES = 1000.0  # frames a second


def sample(frames: Iterable[Message], *, every: int = 0, rate: float = 0.0) -> Iterator[Message]:
    """Yield every Nth frame of each stream, or `rate` of them a second.

    every: 10 passes the first of every ten frames of a stream
    rate: frames a second at most, by the time of capture: 0.2 is one in five seconds
    """
    if (every > 0) == (rate > 0) or every < 0 or not 0 <= rate <= RATES:
        print(f"every is {every} and rate {rate}: give one of them, every: from 1, or rate: above 0, up to {RATES:g}")
        raise SystemExit(2)
    last: dict[str, int] = {}  # stream -> frames of it so far, or the time of the last, in parts of a second

    for frame in frames:
        before = last.get(frame.stream)
        if every:
            last[frame.stream] = count = 0 if before is None else (before + 1) % every
            if count == 0:
                yield frame
            continue
        slot = floor(frame.captured * rate / 1e9)
        if before is None or not 0 <= before - slot < max(1, BACK * rate):
            last[frame.stream] = slot
            yield frame


if __name__ == "__main__":
    run(sample)
