"""The books of one replica: counters and a latency histogram in a memory-mapped file that outlives a kill.

Layout of `<run>/<replica>.books`: 64-bit little-endian integers; the counters in the order of COUNTERS, then BUCKETS
counts of latencies: bucket i counts those of at least SHORTEST * 2 ** (i / PER_OCTAVE) seconds, up to the next bound.
"""

import math
from pathlib import Path

from bus.mapping import mapped

COUNTERS = (
    "received",  # inputs finished
    "sent",  # outputs acknowledged
    "made",  # what a source has made so far …
    "total",  # … of how many; 0: unknown
    "taken",  # messages that this replica has owned = done + dead + dropped + on_the_way
    "done",
    "dead",
    "dropped",
    "on_the_way",
    "backlog",  # what waits outside of the bus for a source to take it
    "passed_over",  # messages that its `keep: latest` wires dropped for a newer one, whatever became of them elsewhere
    "outdated",  # likewise those that its `max_age` wires dropped as too old
    "refused",  # connections and messages from other hosts, or from peers that do not keep to the protocol
)
SHORTEST = 100e-6  # seconds
PER_OCTAVE = 8  # so a bucket is 9 % wide
BUCKETS = 192  # up to 100 us * 2 ** 24: 28 minutes
SIZE = 8 * (len(COUNTERS) + BUCKETS)


class Books:
    """The books that a replica writes, each change made with the deed itself. Without a `path` nobody reads them."""

    def __init__(self, path: Path | None = None) -> None:
        self._map = mapped(path, SIZE)
        self._slots = memoryview(self._map).cast("q")
        self["taken"] = self["done"] + self["dead"] + self["dropped"]  # an earlier life's are taken anew
        self["on_the_way"] = 0

    def __getitem__(self, counter: str) -> int:
        return self._slots[COUNTERS.index(counter)]

    def __setitem__(self, counter: str, value: int) -> None:
        self._slots[COUNTERS.index(counter)] = value

    def latency(self, seconds: float) -> None:
        self._slots[len(COUNTERS) + bucket(seconds)] += 1

    def close(self) -> None:
        self._slots.release()
        self._map.close()


def bucket(seconds: float) -> int:
    if seconds <= SHORTEST:
        return 0
    return min(BUCKETS - 1, int(PER_OCTAVE * math.log2(seconds / SHORTEST)))


def read(path: Path) -> dict[str, int]:
    """The counters of `path`, by name. Raises OSError, or ValueError if it is not a whole file of books."""
    return dict(zip(COUNTERS, _numbers(path), strict=False))


def read_latencies(path: Path) -> list[int]:
    """The counts of the histogram of `path`, one per bucket; those of several replicas may be added up."""
    return list(_numbers(path)[len(COUNTERS) :])


def quantile(latencies: list[int], q: float) -> float:
    """The latency in seconds that the part `q` of all stayed within, to half a bucket; 0.0 if there was none."""
    rank, seen = q * sum(latencies), 0
    for i, count in enumerate(latencies):
        seen += count
        if count and seen >= rank:
            return float(SHORTEST * 2 ** ((i + 0.5) / PER_OCTAVE))
    return 0.0


def _numbers(path: Path) -> tuple[int, ...]:
    body = path.read_bytes()
    if len(body) != SIZE:
        raise ValueError(f"{path} holds {len(body)} bytes; books have {SIZE}")
    return tuple(memoryview(body).cast("q"))
