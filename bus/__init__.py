"""What nodes are made of: everything that a node imports.

Each name is fetched when it is first asked for: the launcher, which imports files of this package, needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bus.hangs import outside
    from bus.hiding import shown
    from bus.hub import Stopped
    from bus.inputs import arrived, batches, closed
    from bus.message import Message
    from bus.pairs import pair
    from bus.picture import SUFFIXES, Undecodable, encode
    from bus.program import backlog, called, drop, finished, idle, progress, recall, replica, run, show, wait, wired
    from bus.steps import step

_HOMES = {
    "bus.hangs": ("outside",),
    "bus.hiding": ("shown",),
    "bus.hub": ("Stopped",),
    "bus.inputs": ("arrived", "batches", "closed"),
    "bus.message": ("Message",),
    "bus.pairs": ("pair",),
    "bus.picture": ("SUFFIXES", "Undecodable", "encode"),
    "bus.program": (
        *("backlog", "called", "drop", "finished", "idle", "progress", "recall", "replica", "run", "show", "wait"),
        "wired",
    ),
    "bus.steps": ("step",),
}

__all__ = [
    "SUFFIXES",
    "Message",
    "Stopped",
    "Undecodable",
    "arrived",
    "backlog",
    "batches",
    "called",
    "closed",
    "drop",
    "encode",
    "outside",
    "finished",
    "idle",
    "pair",
    "progress",
    "recall",
    "replica",
    "run",
    "show",
    "shown",
    "step",
    "wait",
    "wired",
]


if not TYPE_CHECKING:  # which would take every name for one of these

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(home), name)
                return value
        raise AttributeError(f"module 'bus' has no attribute {name!r}")
