"""How a replica is, in a word, and how many of a node's there are."""

from __future__ import annotations

from collections.abc import Sequence

from host.child import Child
from host.graph import Node
from host.view.facts import Facts

PENDING = "pending"  # its machine is to be given yet
WORST_FIRST = ("failed", "crash loop", "rests", "pending", "starts", "leaves", "runs", "stopped", "ended", "spare")
ON_THE_WAY = ("pending", "starts", "leaves", "spare")  # states that say nothing of a node whose least replicas run
COMING = ("crash loop", "rests", "pending", "starts")  # states of a replica that is wanted and does not work yet
SHOWN = 500  # characters of what a node says of itself, or is said of it


def state_of(child: Child) -> str:
    """In a word or two."""
    if child.over:
        return child.over
    if child.is_running:
        if child.is_leaving:
            return "leaves"
        return "runs" if child.is_ready or child.node.command else "starts"
    if child.is_in_crash_loop:
        return "crash loop"
    return "rests" if child.lives else "starts"


def last_words(child: Child) -> str:
    """How it died last, if it has, and what it had to say about that."""
    said = child.last_line.strip() if child.last_death and child.over in ("", "failed") else ""
    return f"{child.last_death}: {said}" if said else child.last_death


def state_of_node(node: Node, replicas: Sequence[Facts]) -> str:
    """The worst of them, unless enough work and others merely come and go."""
    states = [replica["state"] for replica in replicas]
    if node.is_elastic and states.count("runs") >= node.least:
        states = [state for state in states if state not in ON_THE_WAY]
    return str(min(states, key=WORST_FIRST.index))


def scale(node: Node, children: Sequence[Child], replicas: Sequence[Facts]) -> Facts:
    """How many there are to be, how many there are, and why not all of those."""
    wanted = [one for child, one in zip(children, replicas, strict=True) if child.is_wanted]
    running = sum(one["state"] == "runs" for one in wanted)
    pending = [one for one in wanted if one["state"] in COMING]
    why = dict.fromkeys(one["words"] if one["state"] == PENDING else _stated(one) for one in pending)
    return {
        "least": node.least,
        "most": node.replicas,
        "wanted": len(wanted),
        "running": running,
        "pending": len(pending),
        "why": "; ".join(why)[:SHOWN],
    }


def _stated(replica: Facts) -> str:
    return ": ".join(filter(None, [replica["state"], replica["words"]]))
