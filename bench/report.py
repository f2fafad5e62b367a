"""What was measured, as a page: `python -m bench report figures.json`."""

import json
from pathlib import Path
from typing import Any

from bench.headlines import lines
from bench.robots import agreement, robots
from bench.tables import tables

BEGIN, END = "<!-- figures: made by python -m bench report -->", "<!-- end of figures -->"
INTERVALS = (
    "A figure is the median of all rounds; of what is lost, the mean. Behind a peer's figure stands ours divided by it:"
    " the median of the ratios of the rounds, in brackets an interval that holds the true median in at least 95 of 100"
    " cases, whatever the distribution (from the order of the ratios; it takes six rounds). p90 and p99 are of the"
    " messages of all rounds."
)
ROUNDS = "A figure is the median of all rounds."
BUSY = (
    "**Others used the machine meanwhile: times and throughputs say little, their ratios are uncertain, and even CPU"
    " time is longer than on a machine of one's own. Measure anew.**"
)


def load(path: Path) -> dict[str, Any]:
    """The figures of a run. Raises OSError, or ValueError if it is no such file."""
    figures: dict[str, Any] = json.loads(path.read_text())
    return figures


def page(jobs: dict[str, Any], images: list[str]) -> str:
    """All jobs, with the plots that were made of them."""
    short = lines(jobs)
    text = ["In short:", "", *short, INTERVALS, ""] if short else [ROUNDS, ""]
    text += agreement(jobs)
    text += [f"![{Path(image).stem.replace('-', ' ')}]({image})\n" for image in images]
    for name, job in jobs.items():
        text += tables(name, job)
    text += robots(jobs)
    return "\n".join([*text, *_where(jobs)]) + "\n"


def into(target: Path, text: str) -> None:
    """Put `text` between the two markers of a page. Raises ValueError if they are not there."""
    page = target.read_text()
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{target} needs one line {BEGIN!r} and one {END!r}: what is between them is replaced")
    head, rest = page.split(BEGIN)
    target.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}")


def _where(jobs: dict[str, Any]) -> list[str]:
    """The machine and the versions, as the last job found them."""
    if not jobs:
        return []
    machine, peers = [*jobs.values()][-1]["machine"], {k: v for job in jobs.values() for k, v in job["peers"].items()}
    ours = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    theirs = ", ".join(f"{peer} {found[_package(peer, found)]}" for peer, found in peers.items())
    is_busy = any(job["machine"]["load"] > machine["cores"] / 2 for job in jobs.values())
    busy = ", ".join(f"{name} {job['machine']['load']:.1f}" for name, job in jobs.items())
    return [
        "### Where",
        "",
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']:g} GB, {machine['disk']}, Linux"
        f" {machine['kernel']}, Python {machine['python']}; {ours}."
        + (f" Commit {machine['commit']}." if machine["commit"] else "")
        + (f" Peers: {theirs}." if theirs else ""),
        f"How busy the machine was when each job began (load average): {busy}." + f" {BUSY}" * is_busy,
    ]


def _package(peer: str, found: dict[str, str]) -> str:
    return next(name for name in (peer, f"{peer}-rs") if name in found)
