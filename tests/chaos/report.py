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
from tests.chaos.victims import LAUNCHER

MIB = 1024 * 1024
RESTART = re.compile(r"^\S+ (\S+) +\| .*restarts ", re.MULTILINE)
DROPPED = re.compile(r"dropped (\d+)")


def figures(scene: Scene, audit: Audit, campaign: Campaign, broken: str) -> dict[str, Any]:
    """All figures of a campaign that is over; `broken` says what ended it early."""
    standing = audit.finish()
    complete = standing.found + standing.dead == standing.expected
    folders = [*scene.spools, *(side.folder for side in scene.sides)]
    reasons = dead.letters(*(folder / "dead-letters" for folder in folders))
    unexplained = dead.unexplained(reasons, len(campaign.strikes))
    logs = "".join(log.read_text(errors="replace") for log in campaign.logs)
    again = sum(len(inodes) > 1 for inodes in audit.inodes.values())
    resumed = defaultdict(list)
    for strike, following in zip_longest(campaign.strikes, campaign.strikes[1:]):
        if strike.is_mixed or (following and following.moment == "start-up"):
            continue  # the network was bad, or it was struck again before it was back at work
        resumed[strike.fault].append(strike.resumed)
        resumed["of a launcher" if strike.victim.startswith(LAUNCHER) else "of a node"].append(strike.resumed)
    return {
        "passed": standing.holds and complete and not unexplained and not broken,
        "broken": broken,
        "seconds": round(campaign.seconds, 1),
        "results": {**standing._asdict(), "written again": again, "wrong": audit.wrong},
        "dead letters": {"after three deaths": len(reasons) - len(unexplained), "unexplained": unexplained},
        "planned": campaign.planned,
        "faults": Counter(strike.fault for strike in campaign.strikes),
        "network": _network(campaign),
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
    words = f"{counts}; {done}; {lives}; {figures['seconds']} s{resumed}{_weather(figures['network'])}"
    if figures["passed"]:
        return f"PASSED: {words}"
    causes = [f"{place}: {reason}" for place, reason in unexplained.items()]
    return "\n".join([f"BROKEN: {words}", *causes, figures["broken"]]).rstrip()


def _network(campaign: Campaign) -> dict[str, Any]:
    """What was done to the network, and how long it took until results came again."""
    past, flow = campaign.network.past, defaultdict(list)
    for spell in past:
        if spell.flow is not None:
            flow["all"].append(spell.flow)
            flow["with a fault of a process" if spell.is_mixed else "alone"].append(spell.flow)
            flow[spell.outage].append(spell.flow)
    return {
        "planned": campaign.network.planned,
        "outages": Counter(spell.outage for spell in past),
        "flow after healing": {of: _spread(times) for of, times in flow.items()},
        "longest outage": max((spell.seconds for spell in past), default=0.0),
        "impossible here": campaign.network.impossible,
        "started once more after their end": campaign.called_back,
        "past": [vars(spell) for spell in past],
    }


def _weather(network: dict[str, Any]) -> str:
    """Nothing for a graph on one host."""
    if not network["planned"]:
        return ""
    kinds = ", ".join(f"{name} {count}" for name, count in network["outages"].items()) or "no outage"
    words = f"; network: {kinds} (of {network['planned']} planned), the longest {network['longest outage']:g} s"
    if flow := network["flow after healing"].get("all"):
        words += "; flow after healing: median {median} s, worst {worst} s".format(**flow)
    gone = network["started once more after their end"]
    return words + "".join(f"; {name} had ended, and was started once more for the other" for name in gone)


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
