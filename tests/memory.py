"""The memory that this process takes at most (proc_pid_status(5), VmHWM), unlike getrusage without its parent's."""

from pathlib import Path


def begin() -> None:
    """Forget what was taken before (proc_pid_clear_refs(5))."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """KiB that were resident at most, since `begin` or the start of the program."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
