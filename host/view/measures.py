"""What the difference between two looks at the books of a node says: rates, shares of its time, latencies."""

from collections.abc import Mapping, Sequence

from bus.books import HISTOGRAMS, Reading, quantile

RATES = {"in": "received", "out": "sent", "done": "done", "made": "made"}  # what a rate is of
SHARES = {  # what a share is of
    "waiting": "waiting_ns",
    "working": "working_ns",
    "blocked": "blocked_ns",
    "disk": "disk_ns",
}
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
UNKNOWN: Mapping[str, float | None] = dict.fromkeys(QUANTILES)


def rate(before: int, after: int, seconds: float) -> float:
    """How many a second; nothing when books were begun anew, or no time has passed."""
    return max(0, after - before) / seconds if seconds > 0 else 0.0


def rates(before: Reading, after: Reading, seconds: float) -> dict[str, float]:
    return {name: rate(before.counters[of], after.counters[of], seconds) for name, of in RATES.items()}


def shares(before: Reading, after: Reading, seconds: float, replicas: int) -> dict[str, float]:
    """Which parts of its time a replica has waited, worked and been held up, or by a disk at work, on average."""
    return {
        name: min(1.0, rate(before.counters[of], after.counters[of], 1e9 * seconds * replicas))
        for name, of in SHARES.items()
    }


def latencies(before: Reading, after: Reading) -> dict[str, dict[str, object]]:
    """Of each histogram its quantiles between two looks and since the start, and its buckets that are not empty."""
    return {name: latency(before.histograms[name], after.histograms[name]) for name in HISTOGRAMS}


def latency(before: Sequence[int], after: Sequence[int]) -> dict[str, object]:
    if not any(after):  # as in a graph at rest, and in most nodes of any graph
        return {"now": UNKNOWN, "ever": UNKNOWN, "buckets": {}}
    return {
        "now": quantiles(difference(before, after)),
        "ever": quantiles(after),
        "buckets": {str(place): count for place, count in enumerate(after) if count},
    }


def difference(before: Sequence[int], after: Sequence[int]) -> list[int]:
    if before == after:  # as in a graph at rest
        return [0] * len(after)
    return [max(0, one - other) for one, other in zip(after, before, strict=True)]


def quantiles(histogram: Sequence[int]) -> Mapping[str, float | None]:
    """In seconds; None where nothing was measured."""
    return {name: quantile(histogram, q) for name, q in QUANTILES.items()} if any(histogram) else UNKNOWN


def sums(total: Mapping[str, int]) -> dict[str, int]:
    """How the books balance: what was taken, and is not done, dead, dropped or on the way, is unaccounted for."""
    kept = ("taken", "done", "dead", "dropped", "on_the_way", "backlog", "made", "total")
    return {
        **{name: total[name] for name in kept},
        "unaccounted": total["taken"] - finished(total) - total["on_the_way"],
    }


def finished(counters: Mapping[str, int]) -> int:
    return counters["done"] + counters["dead"] + counters["dropped"]
