"""The real launcher on a graph in a folder of its own, as a user starts it; and what it left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.conftest import until

ROOT = Path(__file__).parent.parent
RATE = 5  # frames a second that a small machine keeps to while all tests are at work on it
EVER = ("splitter.source=test:forever", "splitter.size=160x90", f"splitter.rate={RATE}")
PATIENCE = 120.0  # seconds: generous, because the machines that run these tests are small and busy


def shell(script: str) -> tuple[str, ...]:
    """A shell that sees to something, and becomes the program behind it: `shell('ulimit -n 64; exec "$@"')`."""
    return "sh", "-c", script, "sh"


class Launch:
    """`with Launch(folder, "splitter.source=clip.mp4") as graph: graph.ends()`; what is left is killed."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        graph: str = "graph.yaml",
        env: dict[str, str] | None = None,
        under: Sequence[str] = (),
        onto: int | None = None,
    ) -> None:
        """`under`: a program that runs the launcher, such as strace, with its arguments; `onto`: a terminal to show it.

        Only those who want the page have it: it takes a second of a small machine's time.
        """
        self.folder = folder
        if not (folder / graph).exists():
            shutil.copy(ROOT / "graph.yaml", folder / graph)
        page = [] if any(word.startswith("--page") for word in words) else ["--page=off"]
        self.log = folder / f"launcher-{len([*folder.glob('launcher-*.log')])}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, str(ROOT / "launcher.py"), graph, *words, *page],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log if onto is None else onto,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def __enter__(self) -> "Launch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind:
            print(self.output)
        until(lambda: not processes_in(self.folder), 10, lambda: f"the end of {processes_in(self.folder)}")

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def ends(self, seconds: float = PATIENCE) -> int:
        """Wait for the launcher to end; its exit code."""
        until(lambda: self.process.poll() is not None, seconds, lambda: f"the launcher's end: {self.output[-2000:]}")
        return self.process.returncode

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def pid(self, replica: str) -> int:
        """The process of `replica`, which must be running soon."""
        return until(lambda: self._pid(replica), 20, f"no process of {replica}")

    def kill(self, replica: str) -> None:
        os.kill(self.pid(replica), signal.SIGKILL)

    def says(self, words: str, seconds: float = PATIENCE) -> None:
        until(lambda: re.search(words, self.output), seconds, lambda: f"{words!r} in the log: {self.output[-2000:]}")

    def _pid(self, replica: str) -> int:
        return next((pid for pid, line in processes_in(self.folder).items() if f"--name={replica}" in line), 0)


def pids() -> list[str]:
    """Of all processes."""
    with os.scandir("/proc") as entries:
        return [entry.name for entry in entries if entry.name.isdigit()]


def processes_in(folder: Path) -> dict[int, list[str]]:
    """The command lines of all living processes that run in `folder`, or beside the nodes of a graph there, by pid."""
    found = {}
    for pid in pids():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            if not words[0]:
                continue  # the kernel's own, or dead
            is_beside = any(word.startswith("host.") for word in words) and any(
                Path(word).parent == folder for word in words
            )
            if is_beside or Path(f"/proc/{pid}/cwd").readlink() == folder:
                found[int(pid)] = words
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended, or is not ours
    return found


def open_descriptors(pid: int) -> int:
    return len([*Path("/proc", str(pid), "fd").iterdir()])


def files(folder: Path) -> list[str]:
    """The relative paths of all files below `folder` that are not hidden, sorted."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]  # in them things come and go
        found += [str((Path(where) / name).relative_to(folder)) for name in names if not name.startswith(".")]
    return sorted(found)


def listed(folder: Path) -> set[str]:
    """The names of the files in `folder` that are not hidden; none if it is not there."""
    names: set[str] = set()
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        names.update(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
    return names


def waiting(spool: Path) -> int:
    """How many files waited at one moment, at least; 0 if they came and went while they were counted.

    No name comes back, so what is there at two looks was there between them.
    """
    places = spool, spool / ".taken"
    looks = [[listed(place) for place in places] for _ in range(2)]
    return sum(map(len, looks[0])) if looks[0] == looks[1] else 0
