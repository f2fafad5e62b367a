"""Where a replica is that somebody else has placed, as on a pool: what its stand-in has written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from host.view.facts import fitted


class Place(NamedTuple):
    """Of one replica; empty where nobody has placed it."""

    state: str = ""  # pending, or running
    why: str = ""  # why it is pending
    machine: str = ""


def placed(run: Path, replica: str) -> Place:
    """What `<run>/<replica>.place` says."""
    try:
        said = json.loads((run / f"{replica}.place").read_bytes())
    except (OSError, ValueError):  # nobody has placed it, or is about to say so
        return Place()
    return Place(**fitted(said, dict.fromkeys(Place._fields, str)))
