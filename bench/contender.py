"""Who runs, and what is measured of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

Figures = dict[str, dict[str, Any]]  # by case: by measure, a number; or a list of them, which is kept in the JSON alone


@dataclass(frozen=True)
class Contender:
    """One way to do a job."""

    name: str
    words: str  # what exactly it does
    run: Callable[[Path], Figures]  # once, in a folder of its own; raises Broken
    seconds: float  # that it takes on two cores, about
    missing: str = ""  # why it cannot run here
    every: int = 1  # runs in every so many of the pairs
    beside: str = "ours"  # the contender whose figures are divided by its own; empty: nobody's are


class Measure(NamedTuple):
    """One column of figures."""

    name: str
    title: str
    unit: str
    is_compared: bool = True  # ours is divided by each other's
    is_mean: bool = False  # the mean of the rounds is shown, and not their median, which hides what is seldom
    table: str = ""  # figures of one contender: those of a name are a table of their own
    pooled: float = 0.0  # which quantile of the latencies of all rounds together; 0.0: the median of the rounds


@dataclass(frozen=True)
class Job:
    """What is to be done, and by whom."""

    name: str
    words: str
    contenders: tuple[Contender, ...]
    measures: tuple[Measure, ...]
    pairs: int

    @property
    def seconds(self) -> float:
        """How long it takes, about."""
        here = [contender for contender in self.contenders if not contender.missing]
        return sum(contender.seconds * -(-self.pairs // contender.every) for contender in here)
