"""Tables of what was measured: Markdown, for a page and for the terminal."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.contender import Measure
from bench.quantiles import median

Cell = str
FAR = 1000  # from here on figures have no decimals


def tables(name: str, job: dict[str, Any]) -> str:
    """What a job measured: its words, a table for each case, who does what, who is missing."""
    lines = [f"### {name}", "", job["words"], ""]
    for case in _cases(job):
        lines += [*([f"**{case}**", ""] if case else []), *_table(job, case), ""]
    lines += [f"- **{contender}**: {words}" for contender, words in job["contenders"].items()]
    lines += [f"- **{contender}** is missing: {why}" for contender, why in job["missing"].items()]
    return "\n".join([*lines, ""])


def values(job: dict[str, Any], contender: str, case: str, measure: str) -> dict[int, float]:
    """The figure of each pair in which the contender had it."""
    return {
        run["pair"]: run["figures"][case][measure]
        for run in job["runs"]
        if run["contender"] == contender and measure in run.get("figures", {}).get(case, {})
    }


def ratios(job: dict[str, Any], contender: str, case: str, measure: str) -> list[float]:
    """Ours divided by theirs, pair by pair."""
    theirs = values(job, contender, case, measure)
    ours = values(job, job["beside"].get(contender, ""), case, measure)
    return [ours[pair] / theirs[pair] for pair in sorted(ours.keys() & theirs.keys()) if theirs[pair]]


def _cases(job: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(case for run in job["runs"] for case in run.get("figures", {})))


def _table(job: dict[str, Any], case: str) -> list[str]:
    measures = [Measure(**words) for words in job["measures"]]
    measures = [one for one in measures if any(values(job, name, case, one.name) for name in job["contenders"])]
    head = ["", *(f"{one.title}, {one.unit}" for one in measures)]
    rows = [[name, *(_cell(job, name, case, one) for one in measures)] for name in job["contenders"]]
    return list(_aligned([head, *rows]))


def _cell(job: dict[str, Any], contender: str, case: str, measure: Measure) -> Cell:
    """The median, and behind it that of the ratios: `72.1 (x 0.93, 0.91 to 0.95)`."""
    found = [value for value in values(job, contender, case, measure.name).values() if not math.isnan(value)]
    if not found:
        return "failed" if any("failed" in run for run in job["runs"] if run["contender"] == contender) else ""
    cell = _number(median(found).value)
    if measure.is_compared and (pairs := ratios(job, contender, case, measure.name)):
        ratio = median(pairs)
        sure = "" if ratio.low is None or ratio.high is None else f", {ratio.low:.2f} to {ratio.high:.2f}"
        cell += f" (x {ratio.value:.2f}{sure})"
    return cell


def _number(value: float) -> str:
    if value >= FAR:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _aligned(rows: list[list[Cell]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"


def page(found: dict[str, Any]) -> str:
    """All jobs of a JSON file."""
    return "\n".join(tables(name, job) for name, job in found["jobs"].items())


def load(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(path.read_text())
    return figures
