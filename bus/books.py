"""The books of one replica: counters, histograms and the state of its wires, in a file that outlives a kill.

Layout of `<run>/<replica>.books`, memory-mapped: 64-bit little-endian integers; the counters in the order of COUNTERS;
of each of HISTOGRAMS BUCKETS counts; and for each outgoing wire, in the order of the command line, the numbers of WIRE.
Bucket i of a histogram counts the times of at least SHORTEST * 2 ** (i / PER_OCTAVE) seconds, up to the next bound.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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
    "unwanted",  # inputs of which nothing was passed on
    "rejected",  # inputs that it rejected
    "failures",  # exceptions of user code
    "lost",  # what a live source had to let go before it became a message; they are among the dropped
    "waiting_ns",  # nanoseconds in which it waited for an input
    "working_ns",  # … in which user code had control
    "blocked_ns",  # … in which a message waited for room on a wire
    "disk_ns",  # of the time in which user code had control: what a disk took, as far as that is known
)
HISTOGRAMS = (
    "latency",  # of what this replica owns: from its capture until it was done
    "age",  # of an input: from its capture until it was handed to user code here
    "hop",  # likewise, from when the node before passed it on
    "work",  # from then until user code let go of it, without the time in which it was blocked
)
WIRE = (
    "sent",  # messages that went out, again or for the first time
    "bytes",  # of their payloads
    "queued",  # messages that are not sent yet; this and what follows as it was at the last beat
    "unfinished",  # all that are not finished, with those that are not sent
    "oldest",  # when the oldest of these was put, in nanoseconds since the epoch; 0: there is none
    "passed_over",  # as above
    "outdated",
    "pullers",  # those that are up
)
SHORTEST = 100e-6  # seconds
PER_OCTAVE = 8  # so a bucket is 9 % wide
BUCKETS = 192  # up to 100 us * 2 ** 24: 28 minutes
FIXED = len(COUNTERS) + len(HISTOGRAMS) * BUCKETS  # integers, before those of the wires


class Page:
    """Some of the numbers, by name."""

    def __init__(self, slots: memoryview, first: int, names: Sequence[str]) -> None:
        """`first`: the place of the first one in `slots`."""
        self._slots, self._names = slots, {name: first + place for place, name in enumerate(names)}

    def __getitem__(self, name: str) -> int:
        return self._slots[self._names[name]]

    def __setitem__(self, name: str, value: int) -> None:
        self._slots[self._names[name]] = value


class WirePage(Page):
    """The numbers of one outgoing wire."""

    def __init__(self, slots: memoryview, first: int, counters: Page) -> None:
        super().__init__(slots, first, WIRE)
        self._counters = counters

    def let_pass(self, counter: str) -> None:
        """It has dropped a message: `passed_over` or `outdated`."""
        self[counter] += 1
        self._counters[counter] += 1


class Books(Page):
    """The books that a replica writes, each change made with the deed itself. Without a `path` nobody reads them."""

    def __init__(self, path: Path | None = None, wires: int = 0) -> None:
        """`wires`: how many go out."""
        self._map = mapped(path, size(wires))
        super().__init__(memoryview(self._map).cast("q"), 0, COUNTERS)
        self._bases = {name: len(COUNTERS) + place * BUCKETS for place, name in enumerate(HISTOGRAMS)}
        self.wires = [WirePage(self._slots, FIXED + place * len(WIRE), self) for place in range(wires)]
        self["taken"] = self["done"] + self["dead"] + self["dropped"]  # an earlier life's are taken anew
        self["on_the_way"] = 0
        for wire in self.wires:
            for name in ("queued", "unfinished", "oldest", "pullers"):
                wire[name] = 0

    def note(self, histogram: str, seconds: float) -> None:
        """One more that took so long."""
        self._slots[self._bases[histogram] + bucket(seconds)] += 1

    def close(self) -> None:
        self._slots.release()
        self._map.close()


class Reading(NamedTuple):
    """What stands in the books of a replica."""

    counters: dict[str, int]
    histograms: dict[str, list[int]]  # those of several replicas may be added up, bucket by bucket
    wires: dict[str, dict[str, int]]


def size(wires: int) -> int:
    """Bytes of the books of a replica with so many outgoing wires."""
    return 8 * (FIXED + wires * len(WIRE))


def bucket(seconds: float) -> int:
    if seconds <= SHORTEST:
        return 0
    return min(BUCKETS - 1, int(PER_OCTAVE * math.log2(seconds / SHORTEST)))


def read(path: Path) -> dict[str, int]:
    """The counters of `path`, by name. Raises OSError, or ValueError if it is not a whole file of books."""
    return dict(zip(COUNTERS, _numbers(path), strict=False))


def read_whole(path: Path, wires: Sequence[str] | None = None) -> Reading:
    """All of `path`. `wires`: the replica's outgoing ones, in the order in which bus.link.by_wire has its pipes.

    Without `wires` those are left out. Raises OSError, or ValueError if it is not a whole file of books of so many.
    """
    numbers = _numbers(path)
    there = (len(numbers) - FIXED) // len(WIRE)
    if wires is not None and len(wires) != there:
        raise ValueError(f"{path} holds the books of {there} wires, not of {len(wires)}")
    counters = dict(zip(COUNTERS, numbers, strict=False))
    bases = range(len(COUNTERS), FIXED, BUCKETS)
    histograms = {name: list(numbers[at : at + BUCKETS]) for name, at in zip(HISTOGRAMS, bases, strict=True)}
    places = range(FIXED, len(numbers), len(WIRE))
    pages = {name: dict(zip(WIRE, numbers[at:], strict=False)) for name, at in zip(wires or (), places, strict=False)}
    return Reading(counters, histograms, pages)


def rearranged(body: bytes, before: Sequence[str], after: Sequence[str]) -> bytes:
    """Books with pages for the wires `before` as books for the wires `after`: new ones have blank pages.

    Raises ValueError if `body` is not a whole file of books of `before`.
    """
    if len(body) != size(len(before)):
        raise ValueError(f"{len(body)} bytes are not the books of {len(before)} wires")
    page = 8 * len(WIRE)
    pages = {wire: body[at : at + page] for wire, at in zip(before, range(size(0), len(body), page), strict=True)}
    return body[: size(0)] + b"".join(pages.get(wire, bytes(page)) for wire in after)


def quantile(counts: Sequence[int], q: float) -> float:
    """The seconds that the part `q` of all in a histogram stayed within, to half a bucket; 0.0 if there was none."""
    rank, seen = q * sum(counts), 0
    for i, count in enumerate(counts):
        seen += count
        if count and seen >= rank:
            return float(SHORTEST * 2 ** ((i + 0.5) / PER_OCTAVE))
    return 0.0


def _numbers(path: Path) -> memoryview:
    body = path.read_bytes()
    if len(body) < size(0) or (len(body) - size(0)) % (8 * len(WIRE)):
        raise ValueError(f"{path} holds {len(body)} bytes; books have {size(0)}, and {8 * len(WIRE)} for each wire")
    return memoryview(body).cast("q")
