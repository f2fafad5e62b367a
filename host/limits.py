"""What no process may do: hold one message for longer than `stall`, or more than `memory`."""

from collections.abc import Callable, Collection, Sequence

from host import proc
from host.child import Child
from host.view.families import PAGE, families

GLANCE = 0.1  # seconds between two looks at the processes of nodes that have a `memory`: one may take a GB in 0.3 s
MB = 1_000_000  # bytes

Memory = Callable[[Collection[int]], dict[int, int]]  # pids -> the resident bytes of each


def enforce_stall(children: Sequence[Child]) -> None:
    """End those of the running `children` that have held one message for too long."""
    for child in children:
        stall = child.node.stall
        if not stall or child.is_leaving or child.is_aborted:
            continue
        held = child.busy()
        if held and is_stopped(child.pid):
            child.forgive()
        elif held > stall:
            child.abort(f"has held one message for {held:.1f} s (stall: {stall:g})")


def enforce_memory(children: Sequence[Child], measure: Memory) -> None:
    """End those of the running `children` that hold too much, as `measure` sees it."""
    limited = {child.pid: child for child in children if child.node.memory and not child.crime}
    for pid, memory in (measure(limited) if limited else {}).items():
        limit = limited[pid].node.memory
        if limit and memory > limit:
            limited[pid].kill_for(f"holds {memory / MB:.0f} MB (memory: {limit / MB:.0f} MB)")


def memory_of(pids: Collection[int]) -> dict[int, int]:
    """Resident bytes of the processes `pids` themselves: cheap enough to be asked for often."""
    found = {pid: proc.facts(pid) for pid in pids}
    return {pid: int(facts[proc.RESIDENT]) * PAGE for pid, facts in found.items() if facts}


def memory_by_family(pids: Collection[int]) -> dict[int, int]:
    """Resident bytes of the sessions that `pids` lead, with all that descends from them, such as a source's decoder."""
    return {pid: family.memory for pid, family in families(pids).items()}


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped by a signal or a debugger."""
    facts = proc.facts(pid)
    return bool(facts) and facts[proc.STATE] in (b"T", b"t")
