"""The file descriptors of a run: whether this system allows the launcher and each of its nodes as many as they need."""

from collections.abc import Sequence
from pathlib import Path

from bus import descriptors
from host.command import Process
from host.reading.problems import quoted
from host.runfolder import Refused

OWN = 32  # the launcher's own: 9, and those that it opens for a moment, such as to start a process
EACH = 2  # for each process that it has started: its pidfd and its log


def make_room(graph: Path, plan: Sequence[Process]) -> None:
    """Let the launcher have as many as the run needs. Raises Refused if it, or a node of `plan`, cannot have them."""
    own = OWN + EACH * len(plan)
    wanted = {"the launcher": own}
    wanted |= {quoted(one.node.name): descriptors.needed(one.pipes) for one in plan if one.pipes}
    who, most = max(wanted.items(), key=lambda one: one[1])
    if most > descriptors.allowed():
        raise Refused(f"{graph}: {descriptors.too_few(who, most)}")
    descriptors.allow(own)
