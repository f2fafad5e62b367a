"""A control group with little memory, in which the kernel kills who takes more (cgroups(7), version 1 and 2)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def confined(pid: int, memory: int) -> Iterator[None]:
    """`pid`, and what it starts from now on, share `memory` bytes; the test is skipped where that cannot be done."""
    lines = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    own = {controllers: path.lstrip("/") for _, controllers, path in lines}
    first = "memory" in own
    parent = ROOT / "memory" / own["memory"] if first else ROOT / own.get("", "")
    group = parent / f"zg-test-{os.getpid()}"
    try:
        group.mkdir()
        try:
            (group / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(memory))
            (group / "cgroup.procs").write_text(str(pid))
        except OSError:
            group.rmdir()
            raise
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        yield
    finally:
        for member in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(member)
        group.rmdir()
