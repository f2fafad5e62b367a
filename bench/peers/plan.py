"""What is sent in a hop, and what is told of it: the same for us and for every peer, whoever carries it.

The sender writes a head into each payload: when it was sent, which case and which part of it, its number; and the
number again at its end. So the receiver sees what came late, twice, not at all, or torn.
"""

import json
import os
import struct
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy

from bench.cpu import Clocks

HEAD = struct.Struct("<qiiq")  # when it was sent (ns, time.monotonic), case, part, number
TAIL = struct.Struct("<q")  # number
WARM, LATENCY, LATENCY_OVER, BURST, BURST_OVER, OVER = range(6)  # parts of a case, and what ends them
SETTLE = 0.05  # seconds between two parts
LEAST = 8  # messages of a part, however long they take
PATIENCE = 2  # times as long as its period allows is what a part may take

Payload = Any  # bytes, or a numpy array: height x width x 3, uint8
Make = Callable[[int, int], Payload]  # of a part and a number


@dataclass(frozen=True)
class Case:
    """One size of payload: so many bytes, as of an encoded image; or raw pixels of a shape."""

    name: str
    size: int
    shape: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Plan:
    """For each case: `warm` messages, then `samples` of them `period` apart, then as many as go in `burst` seconds."""

    cases: tuple[Case, ...]
    samples: int
    period: float  # seconds
    burst: float  # seconds; 0.0: none
    warm: int = 10

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: str | Path) -> "Plan":
        words = json.loads(Path(path).read_text())
        cases = [Case(one["name"], one["size"], one["shape"] and tuple(one["shape"])) for one in words.pop("cases")]
        return cls(cases=tuple(cases), **words)


def sending(
    path: str | Path,
    *,
    settled: Callable[[], object] | None = None,
    reserve: Callable[[int], object] | None = None,
    arrays: int = 1,
    copies: int = 1,
) -> Iterator[float | Payload]:
    """Each payload to be sent at once, and each pause to be made, in seconds. What was sent is told beside the plan.

    settled: called after each burst; returns when all is acknowledged, for those who acknowledge
    reserve: called with the number of an array before it is written to; of those who send without a copy
    arrays: how many are used by turns for raw pixels; one that was sent may be changed as soon as the next is asked for
    copies: how often the end of a part is told, where messages may be lost
    """
    plan, clocks = Plan.read(path), Clocks(int(os.environ["BENCH"]))
    told: dict[str, dict[str, Any]] = {}
    for index, case in enumerate(plan.cases):
        made = _payloads(case, index, arrays, reserve)
        yield from _paced(made, WARM, plan.warm, plan.period)
        yield SETTLE
        clocks.refresh()
        latency: dict[str, Any] = {"cpu": clocks.read()}
        latency["sent"] = yield from _paced(made, LATENCY, plan.samples, plan.period)
        yield from _over(made, LATENCY_OVER, copies)
        told[case.name] = {"latency": latency}
        if plan.burst:
            yield SETTLE
            burst: dict[str, Any] = {"cpu": clocks.read(), "began": time.monotonic_ns()}
            number, until = 0, burst["began"] + plan.burst * 1e9
            while number < LEAST or time.monotonic_ns() < until:
                yield made(BURST, number)
                number += 1
            burst["sent"] = number
            if settled:
                settled()
                burst["acknowledged"] = time.monotonic_ns()
            yield from _over(made, BURST_OVER, copies)
            told[case.name]["burst"] = burst
    Path(path).with_name("sent.json").write_text(json.dumps(told))
    yield from _over(made, OVER, copies)


def _paced(made: Make, part: int, count: int, period: float) -> Generator[float | Payload, None, int]:
    """How many were sent: `count`, or fewer where they cannot keep the period."""
    due, number = time.monotonic(), 0
    patience = due + PATIENCE * count * period
    while number < count and (number < LEAST or due < patience):
        if (early := due - time.monotonic()) > 0:
            yield early
        yield made(part, number)
        number += 1
        due = max(due + period, time.monotonic())
    return number


def _over(made: Make, part: int, copies: int) -> Iterator[float | Payload]:
    for number in range(copies):
        yield SETTLE * copies
        yield made(part, number)


def _payloads(case: Case, index: int, arrays: int, reserve: Callable[[int], object] | None) -> Make:
    """A function that makes the next payload: fresh bytes, or one of some arrays of noise."""
    random = numpy.random.default_rng(7)
    noise = [random.integers(0, 256, case.size, numpy.uint8) for _ in range(arrays if case.shape else 1)]
    turn = 0

    def fill(part: int, number: int) -> Payload:
        nonlocal turn
        if case.shape and reserve:
            reserve(turn)
        pixels = noise[turn]
        TAIL.pack_into(pixels.data, case.size - TAIL.size, number)
        HEAD.pack_into(pixels.data, 0, time.monotonic_ns(), index, part, number)
        turn = (turn + 1) % len(noise)
        return pixels.reshape(case.shape) if case.shape else pixels.tobytes()

    return fill


class Tally:
    """What a receiver counts, as soon as it has the payload in the form that its API gives. Told beside the plan."""

    def __init__(self, path: str | Path) -> None:
        self._plan, self._path = Plan.read(path), Path(path).with_name("received.json")
        self._clocks = Clocks(int(os.environ["BENCH"]))
        self._told: dict[str, dict[str, Any]] = {}
        self._case = -1  # of what came last
        self._seen: dict[tuple[int, int], set[int]] = {}  # the numbers of each part of each case
        self._highest: dict[tuple[int, int], int] = {}
        self.coming = 0  # the case of what comes next, where nothing is lost

    def take(self, payload: Payload) -> bool:
        """Count one; True when it was the last."""
        now = time.monotonic_ns()
        sent, index, part, number = HEAD.unpack_from(payload)
        if part == OVER:
            self._path.write_text(json.dumps(self._told))
            return True
        case = self._plan.cases[index]
        told = self._told.setdefault(case.name, _blank())
        if index != self._case:
            self._case = index
            self._clocks.refresh()
        if part in (LATENCY_OVER, BURST_OVER):
            told["cpu"].setdefault("latency" if part == LATENCY_OVER else "burst", self._clocks.read())
        seen, highest = self._seen.setdefault((index, part), set()), self._highest.get((index, part), -1)
        is_new = number not in seen
        told["disordered"] += is_new and number < highest
        seen.add(number)
        self._highest[index, part] = max(number, highest)
        if part == (BURST_OVER if self._plan.burst else LATENCY_OVER):
            self.coming = min(index + 1, len(self._plan.cases) - 1)
        if not is_new:
            told["twice"] += 1
        elif TAIL.unpack_from(payload, case.size - TAIL.size)[0] != number:
            told["torn"] += 1
        elif part == LATENCY:
            told["latencies"].append((now - sent) / 1000)
        elif part == BURST:
            told["burst"] += 1
            told["last"] = now
        return False


def _blank() -> dict[str, Any]:
    return {"latencies": [], "burst": 0, "last": 0, "twice": 0, "torn": 0, "disordered": 0, "cpu": {}}
