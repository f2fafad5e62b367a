"""What is worth saying first: ours divided by another, in one line each."""

from typing import Any, NamedTuple

from bench.quantiles import Median, median
from bench.tables import differences, ratios, sure


class Headline(NamedTuple):
    """Of a job and one of its cases, a measure, beside another contender."""

    job: str
    case: str
    measure: str
    other: str
    words: str
    is_difference: bool = False  # ours less the other's; else ours divided by it


HEADLINES = (
    Headline("recipe", "", "rate", "pool", "recipe, throughput, Pillow"),
    Headline("recipe", "", "rate", "original", "recipe, throughput, Pillow"),
    Headline("recipe", "", "rate", "openfilter", "recipe, throughput, our fastest"),
    Headline("recipe", "", "rate", "pool, opencv", "recipe, throughput, OpenCV"),
    Headline("recipe", "", "rate", "ffmpeg", "recipe, throughput, our fastest"),
    Headline("recipe", "", "cpu", "pool", "recipe, ms of CPU a frame beyond", is_difference=True),
    Headline("direct", "", "rate", "pool", "direct, throughput, Pillow"),
    Headline("direct", "", "rate", "ffmpeg", "direct, throughput, our fastest"),
    *(Headline("hop", "120 KB", "rate", peer, "hop, throughput, 120 KB") for peer in ("dora", "imagezmq")),
    *(Headline("hop", "120 KB", "p50", peer, "hop, p50 at 100 Hz, 120 KB") for peer in ("dora", "pyzmq")),
    *(
        Headline("hop", case, "p50", peer, f"hop, p50 at 100 Hz, {case}")
        for case in ("720p raw", "4K raw")
        for peer in ("dora", "pyzmq")
    ),
    *(Headline("hop", case, "rate", "pyzmq", f"hop, throughput, {case}") for case in ("720p raw", "4K raw")),
)


def lines(jobs: dict[str, Any]) -> list[str]:
    """A table of those that were measured."""
    rows = [
        f"| {headline.words} | {headline.other} | {_shown(found, headline)} |"
        for headline in HEADLINES
        if (found := _found(jobs, headline))
    ]
    return ["| | beside | ours / its |", "|---|---|---|", *rows, ""] if rows else []


def _found(jobs: dict[str, Any], headline: Headline) -> Median | None:
    if headline.job not in jobs:
        return None
    compare = differences if headline.is_difference else ratios
    pairs = compare(jobs[headline.job], headline.other, headline.case, headline.measure)
    return median(pairs) if pairs else None


def _shown(found: Median, headline: Headline) -> str:
    return f"{found.value:+.2f}{sure(found)}" if headline.is_difference else f"{found.value:.2f}{sure(found)}"
