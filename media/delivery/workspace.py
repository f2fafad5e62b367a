"""The hidden folder in which a splitter writes what is not whole yet, and the lock in it: one splitter to a stream."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from media.sources.job import Job

SCRATCH, SCRATCH_LOCK = "gst-", "splitter.lock"  # a folder of files in the making, and what its user holds
START = r"\d{8}T\d{6}Z-[0-9a-f]{4}"  # what tells the starts of a live stream apart


class Workspace:
    """Who has the lock is the only splitter of this clip, or of this start of a live stream, in the folder."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.path = folder / f".{job.prefix}.work"
        self._folder, self._stream = folder, job.stream
        self._lock: int | None = None

    def lock(self) -> bool:
        """Make the workspace, and try to get its lock. Raises OSError if it cannot be made."""
        if self.intact:
            return True
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            if not self._folder.is_dir():
                raise
            return False  # who had it is just leaving
        if not (_take(lock) and _is_at(lock, self.path / "lock")):
            os.close(lock)
            return False
        self._let_go()
        self._lock = lock
        return True

    @property
    def intact(self) -> bool:
        """Whether it is there, with our lock in it."""
        return self._lock is not None and _is_at(self._lock, self.path / "lock")

    def leave(self, keep: bool) -> None:
        """Let go of the lock; the workspace goes too, unless it is to be kept."""
        if self._lock is not None and not keep:
            shutil.rmtree(self.path, ignore_errors=True)
        self._let_go()

    def sweep(self) -> None:
        """Remove the workspaces of this stream's earlier starts that were killed."""
        workspace = re.compile(rf"\.{re.escape(self._stream)}-{START}\.work")
        for path in [path for path in self._folder.iterdir() if workspace.fullmatch(path.name)]:
            with contextlib.suppress(OSError), open(path / "lock", "rb") as lock:
                if path != self.path and _take(lock.fileno()):
                    shutil.rmtree(path)

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


@contextlib.contextmanager
def scratch(place: Path | None) -> Iterator[Path]:
    """A new folder in `place`, by default where the system keeps such things, for as long as the with-block lasts.

    Those of splitters that were killed go first. `place` is made if somebody removed it. Raises OSError.
    """
    place = place or Path(tempfile.gettempdir())
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in place.glob(f"{SCRATCH}*"):
        with contextlib.suppress(OSError), open(left / SCRATCH_LOCK, "rb") as lock:
            if _take(lock.fileno()):
                shutil.rmtree(left)
    folder, used = _new_scratch(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(used)


def _new_scratch(place: Path) -> tuple[Path, int]:
    """A folder, and the lock of it that we hold."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=place))
        lock = os.open(folder / SCRATCH_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _take(lock) and _is_at(lock, folder / SCRATCH_LOCK):
            return folder, lock
        os.close(lock)  # another splitter swept it before it was locked


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    """Whether the open file is the one at `path` still: who leaves removes it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.stat())
    return False
