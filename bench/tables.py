"""Tables of what a job measured, in Markdown: for a page, and for the terminal."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from bench.contender import Measure
from bench.quantiles import Median, median, quantile

LARGE, SMALL = 1000, 100  # figures from here on have no decimals; below, three digits


def tables(name: str, job: dict[str, Any]) -> list[str]:
    """Its words, a table, or one for each case where several take part, who does what, and who is missing."""
    lines = [f"### {name}", "", job["words"], ""]
    if len(job["contenders"]) == 1:
        [only] = job["contenders"]
        for measures in _groups(job):
            there = [case for case in cases(job) if any(_found(job, only, case, one) for one in measures)]
            lines += [*_table(job, [(case or only, only, case) for case in there], measures), ""]
    else:
        for case in cases(job):
            rows = [(contender, contender, case) for contender in job["contenders"]]
            lines += [*([f"**{case}**", ""] if case else []), *_table(job, rows, _measures(job)), ""]
    lines += [f"- **{contender}**: {words}." for contender, words in job["contenders"].items()]
    lines += [f"- {contender} is missing: {why}." for contender, why in job["missing"].items()]
    return [*lines, ""]


def cases(job: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(case for run in job["runs"] for case in run.get("figures", {})))


def values(job: dict[str, Any], contender: str, case: str, measure: str) -> dict[int, float]:
    """The figure of each pair in which the contender has it."""
    return {
        run["pair"]: run["figures"][case][measure]
        for run in job["runs"]
        if run["contender"] == contender
        and measure in run.get("figures", {}).get(case, {})
        and not math.isnan(run["figures"][case][measure])
    }


def ratios(job: dict[str, Any], contender: str, case: str, measure: str) -> list[float]:
    """Ours divided by its, pair by pair."""
    return [ours / its for ours, its in _pairs(job, contender, case, measure) if its]


def differences(job: dict[str, Any], contender: str, case: str, measure: str) -> list[float]:
    """Ours less its, pair by pair."""
    return [ours - its for ours, its in _pairs(job, contender, case, measure)]


def sure(found: Median) -> str:
    """The interval in words; nothing where there is none."""
    return "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"


def _pairs(job: dict[str, Any], contender: str, case: str, measure: str) -> list[tuple[float, float]]:
    its = values(job, contender, case, measure)
    ours = values(job, job["beside"].get(contender, ""), case, measure)
    return [(ours[pair], its[pair]) for pair in sorted(ours.keys() & its.keys())]


def _measures(job: dict[str, Any]) -> list[Measure]:
    return [Measure(**words) for words in job["measures"]]


def _groups(job: dict[str, Any]) -> list[list[Measure]]:
    """Those of each table, in the order of the tables."""
    found: dict[str, list[Measure]] = {}
    for measure in _measures(job):
        found.setdefault(measure.table, []).append(measure)
    return [*found.values()]


def _table(job: dict[str, Any], rows: Sequence[tuple[str, str, str]], measures: Sequence[Measure]) -> list[str]:
    """`rows`: what stands before each, its contender and its case."""
    measures = [one for one in measures if any(_found(job, *row[1:], one) for row in rows)]
    head = ["", *(f"{one.title}, {one.unit}" for one in measures)]
    return list(_aligned([head, *([row[0], *(_cell(job, *row[1:], one) for one in measures)] for row in rows)]))


def _cell(job: dict[str, Any], contender: str, case: str, measure: Measure) -> str:
    """The median, and behind it that of the ratios: `72.1; 0.93 (0.91 to 0.95)`."""
    found = _found(job, contender, case, measure)
    if not found:
        return "failed" if any("failed" in run for run in job["runs"] if run["contender"] == contender) else ""
    if measure.is_mean:
        return number(sum(found) / len(found))
    if measure.pooled:
        return number(quantile(sorted(found), measure.pooled))
    pairs = ratios(job, contender, case, measure.name) if measure.is_compared else []
    ratio = median(pairs)
    return number(median(found).value) + (f"; {ratio.value:.2f}{sure(ratio)}" if pairs else "")


def _found(job: dict[str, Any], contender: str, case: str, measure: Measure) -> list[float]:
    """The figures of all rounds; of what is pooled, all that they consist of."""
    if not measure.pooled:
        return list(values(job, contender, case, measure.name).values())
    mine = [run for run in job["runs"] if run["contender"] == contender and case in run.get("figures", {})]
    return [latency for run in mine for latency in run["figures"][case].get("latencies", [])]


def number(value: float) -> str:
    if value >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < SMALL else f"{value:.0f}"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for at, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if at == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
