"""The outages of a campaign: when each is due, that it ends, and how long it takes until results come again."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from tests.chaos.outages import CUTS, OTHERS, OUTAGES, Outage
from tests.chaos.sides import Side

STRUCK = 0.3  # the part of the outages in which a process is struck, too
MANY = 4096  # results, more than come between two looks
LATE = 90  # percent of the results after which an outage counts as one at the end
HEALTHY = 1.0  # seconds after an outage until the next one may begin, unless more than one is due


class Due(NamedTuple):
    """An outage to come."""

    at: int  # results
    outage: Outage
    seconds: float
    strike_at: float  # seconds from its beginning after which a process is struck; infinite: none


@dataclass
class Spell:
    """One outage, and what came of it. Times in seconds."""

    at: float  # since the start of the campaign
    outage: str
    seconds: float  # that it lasted
    flow: float | None = None  # from its end to the next result; None if there was none to come
    is_mixed: bool = False  # a process was struck, too, before the next result


class Network:
    """At most one outage at a time."""

    def __init__(self, sides: Sequence[Side], count: int, longest: float, results: int, seed: int) -> None:
        """`longest`: seconds that an outage may last; `results`: how many there will be."""
        self.past: list[Spell] = []
        self.impossible: dict[str, str] = {}  # outage -> why it cannot be had here
        self._sides = sides
        self._plan = planned(count, longest, results, random.Random(seed)) if len(sides) > 1 else []
        self.planned = len(self._plan)
        self._block = ExitStack()
        self._now: Due | None = None
        self._began = self._ended = 0.0  # of the last one, by time.monotonic
        self._healed = 0.0  # the latter, until results have come again
        self._strikes_at = float("inf")

    def look(self, seconds: float, found: int, times: Sequence[float], say: Callable[[str], None]) -> None:
        """Begin and end what is due, `found` and `times` being how many results there are, and when they came."""
        now, last = time.monotonic(), times[-1] if times else 0.0
        if self._now:
            if now - self._began >= self._now.seconds:
                self.heal()
                say(f"{seconds:7.1f} s  {self.past[-1].outage} is over after {self.past[-1].seconds:.1f} s")
        elif self._healed:
            if last > self._healed:
                first = min(at for at in times[-MANY:] if at > self._healed)
                self.past[-1].flow, self._healed = first - self._healed, 0.0
                say(f"{seconds:7.1f} s    results again, {self.past[-1].flow:.2f} s after that")
        elif self._plan and self._plan[-1].at <= found:
            is_pressed = len(self._plan) > 1 and self._plan[-2].at <= found
            if is_pressed or now - self._ended > HEALTHY:
                self._begin(self._plan.pop(), seconds, say)

    def _begin(self, due: Due, seconds: float, say: Callable[[str], None]) -> None:
        say(f"{seconds:7.1f} s  {due.outage.name} for {due.seconds:.1f} s")
        self._began = time.monotonic()
        try:
            self._block.enter_context(due.outage.block(self._sides[0], self._sides[1]))
        except pytest.skip.Exception as reason:
            self.impossible[due.outage.name] = str(reason)
            return
        self._now, self._strikes_at = due, self._began + due.strike_at
        self.past.append(Spell(round(seconds, 1), due.outage.name, due.seconds))

    def heal(self) -> None:
        """End what is under way, if anything is."""
        if self._now:
            self._now, self._strikes_at = None, float("inf")
            self._block.close()
            self._ended = self._healed = time.monotonic()
            self.past[-1].seconds = round(self._healed - self._began, 1)

    @property
    def is_bad(self) -> bool:
        """Whether it is the network's fault if no result comes."""
        return self._now is not None

    def bad_since(self, moment: float) -> bool:
        """Whether it is, or was at any time since then."""
        return self.is_bad or self._ended > moment

    def wants_strike(self) -> bool:
        """Whether a process is to be struck now; said once."""
        is_due = time.monotonic() > self._strikes_at
        if is_due:
            self._strikes_at = float("inf")
        return is_due

    def mix(self) -> None:
        """A process was struck."""
        if self.is_bad or self._healed:
            self.past[-1].is_mixed = True


def planned(count: int, longest: float, results: int, rng: random.Random) -> list[Due]:
    """So many outages, each kind as often as any other, the first of them last; one is due near the end."""
    kinds: list[Outage] = []
    while len(kinds) < count:
        kinds += rng.sample(OUTAGES, len(OUTAGES))
    cuts = [seconds for seconds in CUTS if seconds <= longest]
    plan = []
    for number, kind in enumerate(kinds[:count]):
        at = rng.randrange(results) if number else rng.randrange(results * LATE // 100, results)
        seconds = rng.uniform(*(min(each, longest) for each in OTHERS))
        if kind.name == "cut" and cuts:  # each length once, and early enough for all of it
            at, seconds = rng.randrange(results // 2), cuts.pop()
        elif kind.name == "cut":
            seconds = rng.choice([each for each in CUTS[:-1] if each <= longest])
        is_struck = rng.random() < STRUCK
        plan.append(Due(at, kind, seconds, rng.uniform(0, seconds) if is_struck else float("inf")))
    return sorted(plan, key=lambda due: -due.at)
