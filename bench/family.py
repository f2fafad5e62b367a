"""All processes of one run of one contender, whoever of them started whom: what they used, and that they are gone."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from bench.cpu import below, used

ROOT = Path(__file__).parent.parent
PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
LOOK = 0.01  # seconds between two looks at what has no event
GRACE = 5.0  # seconds that each way to end is given, before the next: by itself, asked to, killed


class Broken(Exception):
    """A contender did not do what it was to do."""


class Family:
    """`with Family(["ffmpeg", …], folder) as family: family.ends(60)`; whoever is left then is killed.

    One at a time: whatever descends from this process belongs to it. Orphans become our children, so none escapes, and
    the CPU time of each is counted, however it ends.
    """

    def __init__(self, command: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> None:
        """What it says goes to `folder`/said.txt. Modules of this project can be imported, in any environment."""
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)
        os.sync()  # what the last one left to be written is not to be this one's burden
        self.folder, self._log = folder, folder / "said.txt"
        self._before = _dead()
        self.began = time.monotonic()
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "BENCH": str(os.getpid()), **(env or {})},
                start_new_session=True,
            )

    def __enter__(self) -> "Family":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(by_itself=False)
        self.kill()

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far, of all of them, living and dead."""
        return used() - self._before

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def pids(self) -> list[int]:
        return below(os.getpid())

    def until(self, holds: Callable[[], object], seconds: float, what: str, look: float = LOOK) -> None:
        """Wait for a condition. Raises Broken, with the last of what was said, if it does not come about."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise Broken(f"{what} did not come about within {seconds:g} s: {self.said[-1500:].strip()}")
            time.sleep(look)

    def ends(self, seconds: float) -> None:
        """Wait until the first process has ended. Raises Broken if it does not, or fails."""
        self.until(lambda: self.process.poll() is not None, seconds, "its end")
        if self.process.returncode:
            raise Broken(f"it exited with {self.process.returncode}: {self.said[-1500:].strip()}")

    def leave(self, *, by_itself: bool) -> None:
        """Let the first process end `by_itself`, or ask it to; so that it can tidy up, in /dev/shm for one."""
        for asked in (False, True) if by_itself else (True,):
            if asked:
                self.process.terminate()  # which does nothing once it has ended
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE)
                return

    def kill(self) -> None:
        """Kill all that is left, and wait for it."""
        while left := below(os.getpid()):
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(LOOK)
        self.process.poll()


def _dead() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
