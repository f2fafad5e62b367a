"""Memory that outlives a kill: a file of the run folder, mapped."""

import mmap
from pathlib import Path


def mapped(path: Path | None, size: int) -> mmap.mmap:
    """The file `path`, made if absent, as `size` bytes of memory; without a path, memory alone. Raises OSError."""
    if path is None:
        return mmap.mmap(-1, size)
    with open(path, "ab") as file:
        file.truncate(size)
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), size)
