"""Medians, quantiles, and how sure they are."""

import math
from collections.abc import Sequence
from typing import NamedTuple

SURE = 0.95


class Median(NamedTuple):
    """A median, and an interval that holds the true one in 95 of 100 cases; None where there are too few samples."""

    value: float
    low: float | None
    high: float | None


def quantile(ordered: Sequence[float], q: float) -> float:
    """Of an ordered list, without interpolation: the smallest value that a part `q` of all do not exceed; nan: none."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else math.nan


def median(samples: Sequence[float]) -> Median:
    """Of independent samples of any distribution, the interval from their order: from the k-th smallest to the k-th
    largest, with the largest k so that the binomial distribution gives at least 95 %. It takes six samples."""
    ordered, count = sorted(samples), len(samples)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2 if ordered else math.nan
    outside, k = 0.0, 0  # that fewer than k + 1 samples lie below the true median, and the same above
    while k < count // 2 and (more := outside + 2 * math.comb(count, k) / 2**count) <= 1 - SURE:
        outside, k = more, k + 1
    return Median(middle, ordered[k - 1], ordered[-k]) if k else Median(middle, None, None)
