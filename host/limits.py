"""What no process may do: hold one message for longer than `stall`, or more than `memory`."""

from collections.abc import Sequence

from host import vitals
from host.child import Child

MB = 1_000_000  # bytes


def enforce(children: Sequence[Child]) -> None:
    """End those of the running `children` that are beyond a limit of their node."""
    for child in children:
        stall = child.node.stall
        if stall and not child.is_leaving and not child.is_aborted and (held := child.busy()) > stall:
            child.say(f"has held one message for {held:.1f} s (stall: {stall:g}): aborted")
            child.abort()
    if any(child.node.memory for child in children):
        held_by = vitals.memory_by_session()
        for child in children:
            limit, memory = child.node.memory, held_by.get(child.pid, 0)
            if limit and memory > limit:
                child.say(f"holds {memory / MB:.0f} MB (memory: {limit / MB:.0f} MB): killed")
                child.kill()
