"""What no process may do: hold one message for longer than `stall`, or more than `memory`."""

import os
from collections.abc import Sequence

from host import proc
from host.child import Child

MB = 1_000_000  # bytes
PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes


def enforce(children: Sequence[Child]) -> None:
    """End those of the running `children` that are beyond a limit of their node."""
    for child in children:
        if child.node.stall and is_stopped(child.pid):
            child.forgive()
        stall = child.node.stall
        if stall and not child.is_leaving and not child.is_aborted and (held := child.busy()) > stall:
            child.say(f"has held one message for {held:.1f} s (stall: {stall:g}): aborted")
            child.abort()
    if any(child.node.memory for child in children):
        held_by = memory_by_session()
        for child in children:
            limit, memory = child.node.memory, held_by.get(child.pid, 0)
            if limit and memory > limit:
                child.say(f"holds {memory / MB:.0f} MB (memory: {limit / MB:.0f} MB): killed")
                child.kill()


def memory_by_session() -> dict[int, int]:
    """Resident bytes of all processes of each session, by its id; shared pages count once for each process."""
    memory: dict[int, int] = {}
    for _, facts in proc.everyone():
        session = int(facts[proc.SESSION])
        memory[session] = memory.get(session, 0) + int(facts[proc.RESIDENT]) * PAGE
    return memory


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped by a signal or a debugger."""
    facts = proc.facts(pid)
    return bool(facts) and facts[proc.STATE] in (b"T", b"t")
