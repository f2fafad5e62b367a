"""What nodes are made of: everything that a node imports."""

from bus.hangs import outside
from bus.hiding import shown
from bus.hub import Stopped
from bus.inputs import arrived, batches, closed
from bus.message import Message
from bus.picture import SUFFIXES, Undecodable, encode
from bus.program import backlog, called, drop, finished, idle, progress, recall, replica, run, show, wait, wired
from bus.steps import step

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
