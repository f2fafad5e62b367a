"""What status.json holds, and how another host's is brought into that form: what does not fit counts as not said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Shape: TypeAlias = "type | list[Any] | dict[Any, Any] | tuple[Any, Any]"  # list: of one shape; tuple: that, or None

VERSION = 1
QUANTILES: Shape = {"p50": (float, None), "p95": (float, None), "p99": (float, None)}
LATENCY: Shape = {"now": QUANTILES, "ever": QUANTILES, "buckets": {str: int}}
REPLICA: Shape = {
    "name": str,
    "state": str,
    "pid": (int, None),
    "restarts": int,
    "since": float,
    "words": str,
    "memory": int,
    "cpu": float,
    "starved": float,
    "machine": str,
    "counters": {str: int},
}
SCALE: Shape = {"least": int, "most": int, "wanted": int, "running": int, "pending": int, "why": str}
NODE: Shape = {
    "name": str,
    "host": str,
    "launcher": str,
    "pulls": [str],
    "pushes": [str],
    "state": str,
    "scale": SCALE,
    "replicas": [REPLICA],
    "counters": {str: int},
    "rates": {"in": float, "out": float, "done": float, "made": float},
    "shares": {"waiting": float, "working": float, "blocked": float, "disk": float},
    "latency": {"age": LATENCY, "hop": LATENCY, "work": LATENCY, "latency": LATENCY},
}
WIRE: Shape = {
    "name": str,
    "from": [str],
    "to": str,
    "keep": str,
    "max_age": (float, None),
    "between_hosts": bool,
    "here": bool,
    "rate": float,
    "bytes_rate": float,
    "sent": int,
    "bytes": int,
    "queued": int,
    "unfinished": int,
    "oldest": (float, None),
    "passed_over": int,
    "outdated": int,
    "pullers": int,
    "pipes": int,
}
EVENT = (float, str, str, str)  # when, who, its kind, words
SUMS: Shape = dict.fromkeys(
    ("taken", "done", "dead", "dropped", "on_the_way", "backlog", "made", "total", "unaccounted"), int
)
STATUS: Shape = {
    "version": int,
    "graph": str,
    "host": str,
    "run": str,
    "pid": int,
    "at": float,
    "began": float,
    "versions": {"wire": int, "python": str, "zeromq": str},
    "machine": {"cores": int, "busy": float},
    "state": str,
    "nodes": [NODE],
    "wires": [WIRE],
    "sums": SUMS,
    "rate": float,
    "latency": {"now": QUANTILES, "ever": QUANTILES},
    "bottleneck": str,
    "events": [[Any]],
}
LARGEST = 2**63  # of a number; what is beyond is none
Facts: TypeAlias = dict[str, Any]


def fitted(value: object, shape: Shape) -> Any:
    """`value` in the form of `shape`, with nothing else in it; what is missing or of another kind is empty or 0."""
    if isinstance(shape, tuple):
        return None if value is None or not _is_a(value, shape[0]) else value
    if isinstance(shape, list):
        return [fitted(one, shape[0]) for one in value] if isinstance(value, list) else []
    if isinstance(shape, dict):
        given = value if isinstance(value, Mapping) else {}
        if str in shape:
            return {name: one for name, one in given.items() if _is_a(one, shape[str])}
        return {name: fitted(given.get(name), part) for name, part in shape.items()}
    return value if shape is Any or _is_a(value, shape) else shape()


def _is_a(value: object, kind: type) -> bool:
    if isinstance(value, bool) or kind in (bool, str):
        return isinstance(value, kind)
    numbers = (int, float) if kind is float else int
    return isinstance(value, numbers) and -LARGEST < value < LARGEST
