"""What a campaign comes to: all figures as JSON, and a verdict in one line."""

import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.chaos import dead
from tests.chaos.audit import Audit
from tests.chaos.campaign import Campaign, Sample
from tests.chaos.scene import Scene

MIB = 1024 * 1024
RESTART = re.compile(r"^\S+ (\S+) +\| .*restarts ", re.MULTILINE)
DROPPED = re.compile(r"dropped (\d+)")


def figures(scene: Scene, audit: Audit, campaign: Campaign, broken: str) -> dict[str, Any]:
    """All figures of a campaign that is over; `broken` says what ended it early."""
    standing = audit.finish()
    complete = standing.found + standing.dead == standing.expected
    reasons = dead.letters(*(spool / "dead-letters" for spool in scene.spools), scene.folder / "dead-letters")
    unexplained = dead.unexplained(reasons, len(campaign.strikes))
    logs = "".join(log.read_text(errors="replace") for log in campaign.logs)
    again = sum(len(inodes) > 1 for inodes in audit.inodes.values())
    resumed = defaultdict(list)
    for strike, following in zip_longest(campaign.strikes, campaign.strikes[1:]):
        if following and following.moment == "start-up":
            continue  # it was struck again before it was back at work
        resumed[strike.fault].append(strike.resumed)
        resumed["of the launcher" if strike.victim == "launcher" else "of a node"].append(strike.resumed)
    return {
        "passed": standing.holds and complete and not unexplained and not broken,
        "broken": broken,
        "seconds": round(campaign.seconds, 1),
        "results": {**standing._asdict(), "written again": again, "wrong": audit.wrong},
        "dead letters": {"after three deaths": len(reasons) - len(unexplained), "unexplained": unexplained},
        "planned": campaign.planned,
        "faults": Counter(strike.fault for strike in campaign.strikes),
        "moments": Counter(strike.moment for strike in campaign.strikes),
        "victims": Counter(strike.victim for strike in campaign.strikes),
        "launcher lives": len(campaign.logs),
        "restarts": Counter(RESTART.findall(logs)),
        "dropped": {
            'preview: a newer frame came on "preview" (keep: latest)': scene.in_clip - audit.previews,
            "said by the launcher": [int(count) for count in DROPPED.findall(logs)],
        },
        "resumed": {of: _spread(times) for of, times in resumed.items()},
        "peak MiB": {name: _mib(max(one.peak for one in samples)) for name, samples in campaign.samples.items()},
        "held": {name: _held(samples) for name, samples in campaign.samples.items()},
        "strikes": [
            {**vars(strike), "before": str(strike.before), "after": str(strike.after)} for strike in campaign.strikes
        ],
    }


def verdict(figures: dict[str, Any]) -> str:
    """The last line."""
    results, faults = figures["results"], figures["faults"]
    innocent, unexplained = figures["dead letters"]["after three deaths"], figures["dead letters"]["unexplained"]
    counts = (
        f"{results['found']} of {results['expected']} results, {results['lost']} lost, {results['corrupt']} corrupt, "
        f"{results['twice']} twice, dead letters: {innocent} after three deaths, {len(unexplained)} unexplained"
    )
    kinds = ", ".join(f"{name} {count}" for name, count in faults.items()) or "no fault"
    done = f"{kinds} (of {figures['planned']} planned)"
    times = figures["resumed"].get("kill")
    resumed = "; resumed after a kill: median {median} s, p99 {p99} s, worst {worst} s".format(**times) if times else ""
    lives = f"{figures['launcher lives']} lives of the launcher"
    words = f"{counts}; {done}; {lives}; {figures['seconds']} s{resumed}"
    if figures["passed"]:
        return f"PASSED: {words}"
    causes = [f"{place}: {reason}" for place, reason in unexplained.items()]
    return "\n".join([f"BROKEN: {words}", *causes, figures["broken"]]).rstrip()


def write(figures: dict[str, Any], file: Path) -> None:
    file.write_text(json.dumps(figures, indent=2) + "\n")


def _spread(times: Sequence[float]) -> dict[str, float]:
    """In seconds."""
    ranked = sorted(times)
    p99 = ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))]
    return {"median": round(statistics.median(ranked), 2), "p99": round(p99, 2), "worst": round(ranked[-1], 2)}


def _held(samples: Sequence[Sample]) -> dict[str, float]:
    """What a process held in the second and in the last quarter of the campaign: whether it grows."""
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:] or samples
    return {
        "lives": len({one.pid for one in samples}),
        "MiB early": _mib(statistics.median(one.memory for one in early)),
        "MiB late": _mib(statistics.median(one.memory for one in late)),
        "descriptors early": statistics.median(one.descriptors for one in early),
        "descriptors late": statistics.median(one.descriptors for one in late),
    }


def _mib(amount: float) -> float:
    return round(amount / MIB, 1)
