"""Where a replica is that somebody else has placed, as on a pool: what its stand-in has written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from host.view.facts import Shape, fitted


class Place(NamedTuple):
    """Of one replica; empty where nobody has placed it."""

    state: str = ""  # pending, or running
    why: str = ""  # why it is pending
    machine: str = ""
    memory: int = 0  # bytes that it takes there
    cpu: float = 0.0  # processors that it keeps busy
    starved: float = 0.0  # the part of the time that it waits for one


SHAPE: Shape = {"state": str, "why": str, "machine": str, "memory": int, "cpu": float, "starved": float}


def placed(run: Path, replica: str) -> Place:
    """What `<run>/<replica>.place` says."""
    try:
        said = json.loads((run / f"{replica}.place").read_bytes())
    except (OSError, ValueError):  # nobody has placed it, or is about to say so
        return Place()
    return Place(**fitted(said, SHAPE))
