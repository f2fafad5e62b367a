"""The whole graph: what this host's launcher says of it, with what is known of the nodes and wires of other hosts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

from host import runfolder
from host.view import bottleneck
from host.view.events import KEPT
from host.view.facts import EVENT, STATUS, SUMS, Facts, fitted
from host.view.status import FILE

SILENT = 5.0  # seconds after which a host from which nothing comes is silent
HOSTS = "hosts"  # the folder of what other hosts' launchers say, in the run folder
MOST = 64 * 1024 * 1024  # bytes of what one says


def running(graph: Path, host: str | None = None) -> Path | None:
    """The run folder of the launcher that runs `graph` on `host` now; None if none does.

    Raises Refused if run folders cannot be where they are to be.
    """
    lock = runfolder.lock(graph, host)
    try:
        pid, run = int((lock / "pid").read_text()), (lock / "run").read_text()
        if runfolder.RUN.fullmatch(run) and any(os.path.samestat(one, lock.stat()) for one in _open_by(pid)):
            return lock.parent / run
    except (OSError, ValueError):  # it has just begun, or ended
        return None
    return None


def read(run: Path) -> Facts:
    """What is known now. Raises OSError, or ValueError, if the launcher of `run` has said nothing (yet)."""
    return whole(json.loads((run / FILE).read_text()), run)


def whole(ours: Facts, run: Path) -> Facts:
    """`ours`, a status.json, with what other hosts say of what runs there; and `hosts`, with how each of them is."""
    now = time.time()
    letters = {name: letter for name in _others(ours) if (letter := _letter(run, name)) is not None}
    theirs = {name: fitted(letter.get("status"), STATUS) for name, letter in letters.items()}
    ages = {name: _age(now, letter, theirs[name]) for name, letter in letters.items()}
    places = {node["name"]: node["launcher"] for node in ours["nodes"]}
    nodes = [_node(node, theirs, ages) for node in ours["nodes"]]
    counts = {node["name"]: node["scale"]["wanted"] or len(node["replicas"]) for node in nodes}
    wires = [_wire(wire, places, theirs, counts) for wire in ours["wires"]]
    statuses = [ours, *theirs.values()]
    machines = {ours["host"]: ours["machine"], **{name: status["machine"] for name, status in theirs.items()}}
    return {
        **ours,
        "nodes": nodes,
        "wires": wires,
        "sums": {name: sum(status["sums"][name] for status in statuses) for name in fitted({}, SUMS)},
        "rate": sum(status["rate"] for status in statuses),
        "latency": max(statuses, key=lambda status: float(status["sums"]["done"]))["latency"],
        "events": _events(ours, theirs, letters),
        "bottleneck": bottleneck.words(nodes, wires, machines) if ours["state"] == "runs" else "",
        "hosts": [*_hosts(ours, theirs, letters, {**ages, ours["host"]: max(0.0, now - ours["at"])})],
    }


def _node(ours: Facts, theirs: Mapping[str, Facts], ages: Mapping[str, float]) -> Facts:
    launcher = ours["launcher"]
    if ours["state"] != "elsewhere" or launcher not in theirs:
        return ours
    found = next((node for node in theirs[launcher]["nodes"] if node["name"] == ours["name"]), None)
    if found is None or found["state"] == "elsewhere":
        return ours
    kept = {name: ours[name] for name in ("name", "host", "launcher", "pulls", "pushes")}  # graph.yaml says so
    return {**found, **kept, "age": ages[launcher]}


def _wire(ours: Facts, places: Mapping[str, str], theirs: Mapping[str, Facts], counts: Mapping[str, int]) -> Facts:
    """The wire, as all hosts that push it see it together. `counts`: the replicas of each node, 0: nobody knows."""
    hosts = dict.fromkeys(places[name] for name in ours["from"])
    known = [wire for host in hosts if host in theirs for wire in theirs[host]["wires"] if wire["name"] == ours["name"]]
    ends = [*([ours] if ours["here"] else []), *known]
    counted = ("rate", "bytes_rate", "sent", "bytes", "queued", "unfinished", "passed_over", "outdated", "pullers")
    ages = [end["oldest"] for end in ends if end["oldest"] is not None]
    return {
        **ours,
        **{name: sum(end[name] for end in ends) for name in counted},
        "oldest": max(ages, default=None),
        "pipes": sum(counts[name] for name in ours["from"]) * counts.get(ours["to"], 0) or ours["pipes"],
    }


def _hosts(
    ours: Facts,
    theirs: Mapping[str, Facts],
    letters: Mapping[str, Mapping[str, Any]],
    ages: Mapping[str, float],
) -> Iterator[Facts]:
    """How each host is: this one, or up, silent, or unknown as long as nothing came from it.

    This one is silent, too, when its launcher has stopped saying anything.
    """
    for name in [ours["host"], *_others(ours)]:
        status = ours if name == ours["host"] else theirs.get(name, fitted({}, STATUS))
        letter = letters.get(name, {})
        state = "unknown" if name not in ages else "silent" if ages[name] > SILENT else "up"
        if state == "up" and name == ours["host"]:
            state = "here"
        yield {
            "name": name,
            "state": state,
            "age": ages.get(name),
            **{key: fitted(letter.get(key), (float, None)) for key in ("offset", "uncertainty", "round_trip")},
            "via": fitted(letter.get("via"), str),
            **{key: status[key] for key in ("versions", "run", "began", "machine")},
        }


def _events(ours: Facts, theirs: Mapping[str, Facts], letters: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """What has happened anywhere, by our clock as far as theirs is known; the last of it."""
    found = [*ours["events"]]
    for host, status in theirs.items():
        offset = _number(letters[host].get("offset"))
        for event in status["events"]:
            if len(event) == len(EVENT):
                at, who, kind, words = map(fitted, event, EVENT)
                found.append([at - offset, f"{who} on {host}", kind, words])
    return sorted(found, key=itemgetter(0))[-KEPT:]


def _others(ours: Facts) -> Sequence[str]:
    """The other hosts on which nodes run."""
    launchers = dict.fromkeys(node["launcher"] for node in ours["nodes"])
    return [name for name in launchers if name not in ("", ours["host"])]


def _letter(run: Path, host: str) -> Mapping[str, Any] | None:
    """What has come from `host`; None if nothing has, or nothing that makes sense."""
    with suppress(OSError, ValueError, RecursionError):
        path = run / HOSTS / f"{host}.json"
        if path.stat().st_size <= MOST:
            letter = json.loads(path.read_text())
            return letter if isinstance(letter, dict) else None
    return None


def _age(now: float, letter: Mapping[str, Any], status: Facts) -> float:
    """How old what a host's launcher has said is: its link may go on while the launcher hangs."""
    offset = fitted(letter.get("offset"), (float, None))
    heard = now - _number(letter.get("received"))
    said = heard if offset is None else now - (status["at"] - offset)
    return max(0.0, heard, said)


def _number(value: object) -> float:
    return float(fitted(value, float))


def _open_by(pid: int) -> Iterator[os.stat_result]:
    """All that a process has open: a launcher holds the lock of its graph for as long as it lives."""
    for descriptor in Path("/proc", str(pid), "fd").iterdir():
        with suppress(OSError):
            yield descriptor.stat()
