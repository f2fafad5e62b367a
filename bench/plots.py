"""Plots of what was measured. They need matplotlib, which is in bench/requirements.txt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.quantiles import median
from bench.tables import cases, number, values

SIZE = (9.0, 4.2)  # inches
OURS, THEIRS = "#0b6e4f", "#9aa5b1"


def plots(jobs: dict[str, Any], folder: Path) -> list[Path]:
    """Write those that there are figures for, as PNG files. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[dict[str, Any], Any], None]] = {
        "recipe": _bars, "direct": _bars, "hop": _sizes, "scale": _growth, "dispatch": _dispatch,
    }  # fmt: skip
    return [_plot(name, jobs[name], make, folder) for name, make in makers.items() if cases(jobs.get(name, _NONE))]


_NONE: dict[str, Any] = {"runs": []}


def _plot(name: str, job: dict[str, Any], make: Callable[[dict[str, Any], Any], None], folder: Path) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZE, layout="constrained")
    make(job, axes)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    path = folder / f"bench-{name}.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _middle(job: dict[str, Any], contender: str, case: str, measure: str) -> float | None:
    found = values(job, contender, case, measure)
    return median(list(found.values())).value if found else None


def _bars(job: dict[str, Any], axes: Any) -> None:
    """Throughput and CPU of each."""
    for ax, measure, title in zip(axes, ("rate", "cpu"), ("frames/s", "CPU, ms a frame"), strict=True):
        found = {name: _middle(job, name, "", measure) for name in reversed(job["contenders"])}
        there = {name: value for name, value in found.items() if value is not None}
        colours = [OURS if name.startswith("ours") else THEIRS for name in there]
        bars = ax.barh([*there], [*there.values()], color=colours)
        ax.bar_label(bars, [number(value) for value in there.values()], padding=3)
        ax.set_title(title, loc="left")


def _sizes(job: dict[str, Any], axes: Any) -> None:
    """Latency and throughput over the sizes."""
    titles = ("p50 at 100 Hz, us", "messages/s")
    for ax, measure, title in zip(axes, ("p50", "rate"), titles, strict=True):
        for name in job["contenders"]:
            points = [(case, _middle(job, name, case, measure)) for case in cases(job)]
            there = [(case, value) for case, value in points if value is not None]
            style = {"color": OURS, "linewidth": 2.5, "zorder": 3} if name == "ours" else {"linewidth": 1.2}
            ax.plot([one[0] for one in there], [one[1] for one in there], marker="o", label=name, **style)
        ax.set_yscale("log")
        ax.set_title(title, loc="left")
    axes[1].legend(frameon=False, fontsize="small")


def _growth(job: dict[str, Any], axes: Any) -> None:
    """CPU of a frame, absolute and beside the smallest."""
    titles = ("CPU, us a frame and hop", "beside the smallest")
    for ax, measure, title in zip(axes, ("cpu", "growth"), titles, strict=True):
        names = [*reversed(cases(job))]
        found = [_middle(job, "ours", name, measure) or 0.0 for name in names]
        ax.bar_label(ax.barh(names, found, color=OURS), [number(value) for value in found], padding=3)
        ax.set_title(title, loc="left")


def _dispatch(job: dict[str, Any], axes: Any) -> None:
    """Throughput and age of what is real and simulated, and of what is simulated alone."""
    titles = ("frames/s", "age, p50, ms")
    for ax, measures, title in zip(axes, (("real", "simulated"), ("real_p50", "p50")), titles, strict=True):
        names = [name for name in reversed(cases(job)) if values(job, "ours", name, measures[1])]
        for measure, shift, colour, words in zip(
            measures, (0.2, -0.2), (OURS, THEIRS), ("real", "simulated"), strict=True
        ):
            points = {place: _middle(job, "ours", name, measure) for place, name in enumerate(names)}
            there = {place: value for place, value in points.items() if value is not None}
            places = [place + shift for place in there]
            bars = ax.barh(places, [*there.values()], 0.4, color=colour, label=words)
            ax.bar_label(bars, [number(value) for value in there.values()], padding=3, fontsize="x-small")
        ax.set_yticks(range(len(names)), names if ax is axes[0] else [""] * len(names), fontsize="x-small")
        ax.set_xscale("log")
        ax.set_title(title, loc="left")
    axes[1].legend(frameon=False, fontsize="small")
