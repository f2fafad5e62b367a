"""The run folder: where a run keeps its sockets, marks, hands and books, and the locks that keep runs apart.

Everything lies in `${XDG_RUNTIME_DIR:-/tmp}/zg-<uid>/`: a folder of 12 hex digits for each run, and `<12 hex>.lock` for
each graph and host that runs. Both are folders that their launcher holds with flock, so that whoever can lock one knows
that its launcher is gone, whichever way it went; systemd-tmpfiles leaves locked folders in /tmp alone, too.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bus.steps import step
from host import janitor

GRAPH = "graph.yaml"  # the text of the graph as it runs, whatever stands in the user's file by now
TOLD = "told"  # the file that the link makes when all other hosts know that this one has failed
ID_LENGTH = 12  # hex digits
RUN = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
SINCE = struct.Struct("<q")  # the head of a hand: CLOCK_MONOTONIC ns, see bus/hand.py


class Refused(Exception):
    """Raised when what the user wants cannot be done here and now; the words say why, and what to do."""


class RunFolder:
    """The private folder of this run, held for as long as the launcher lives."""

    def __init__(self, graph: Path, host: str | None = None) -> None:
        """Raises Refused if another launcher runs `graph` on `host`, or if the place is not safe, or its disk full."""
        self._base = base()
        self._graph_lock = lock(graph, host)
        try:
            self._locks = [self._lock_graph(graph)]
            self._sweep()
            with step("make the run folder"):
                self.path = self._make()
            self.id = self.path.name
            (self._graph_lock / "run").write_text(self.id)  # for who wants to look at this run
        except OSError as error:
            raise Refused(
                f"{self._base}: the run folder cannot be made there ({error.strerror}): make room, or set"
                " XDG_RUNTIME_DIR to a folder on another disk"
            ) from None
        self.notify = self.path / "notify"

    @property
    def all_are_told(self) -> bool:
        """Whether the other hosts' launchers know that this one has failed."""
        return (self.path / TOLD).exists()

    def mark(self, replica: str) -> Path:
        return self.path / f"{replica}.done"

    def books(self, replica: str) -> Path:
        return self.path / f"{replica}.books"

    def hand(self, replica: str) -> Path:
        return self.path / f"{replica}.hand"

    def held_since(self, replica: str) -> float:
        """Since when (time.monotonic() seconds) the code of `replica` has been busy with a message; 0.0: it is not."""
        try:
            with open(f"{self.path}/{replica}.hand", "rb", buffering=0) as file:
                head = file.read(SINCE.size)
        except FileNotFoundError:
            return 0.0
        return float(SINCE.unpack(head)[0]) / 1e9 if len(head) == SINCE.size else 0.0

    def write_death(self, replica: str, words: str) -> None:
        """Write how `replica` died, for its next life to report."""
        with suppress(OSError):  # no room: that costs words in a dead letter, and must not cost the graph
            (self.path / f"{replica}.death").write_text(words)

    def write_failed(self, replica: str, code: int | None) -> None:
        """Write the end mark of a replica that failed for good, so that nodes downstream do not wait for it."""
        _write(self.mark(replica), {"failed": True, "code": code})

    def write_spare(self, replica: str) -> None:
        """Write an end mark for a replica that others need not wait for, as it is not there. Raises OSError."""
        _write(self.mark(replica), {"spare": True})

    def has_heard(self, puller: str, pusher: str) -> bool:
        """Whether `puller` knows that `pusher`, on another host, has ended."""
        return self._heard(puller, pusher).exists()

    def tell_ended(self, puller: str, pusher: str) -> None:
        """Let `puller` know that `pusher`, on another host, has ended, unless it knows that. Raises OSError.

        The same for a pusher, of one who pulls from it over there.
        """
        mark = self._heard(puller, pusher)
        if not mark.exists():
            _write(mark, {"epoch": ""})

    def untell_ended(self, puller: str, pusher: str) -> None:
        """Take that back, unless `puller` has heard it from `pusher` itself."""
        with suppress(OSError, ValueError):
            if not json.loads(self._heard(puller, pusher).read_bytes())["epoch"]:
                self._heard(puller, pusher).unlink()

    def _heard(self, puller: str, pusher: str) -> Path:
        return self.path / f"{puller}.heard.{pusher}"  # see bus/marks.py

    def keep_graph(self, text: str) -> None:
        """Keep what stands in the graph's file as it runs, for the processes beside the nodes."""
        fresh, kept = self.path / f"{GRAPH}.fresh", self.path / GRAPH
        try:
            fresh.write_text(text)
            fresh.replace(kept)
        except OSError:  # no room: they are to read the file itself, and nothing that is out of date
            kept.unlink(missing_ok=True)

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in (self.path, self._graph_lock):
            with step("remove"):
                shutil.rmtree(folder, ignore_errors=True)  # what resists is swept at the next start
        for lock in self._locks:
            os.close(lock)

    def _lock_graph(self, graph: Path) -> int:
        held = hold(self._graph_lock)
        if held is None:
            pid = _read(self._graph_lock / "pid")
            raise Refused(f"{graph} runs already{pid and f' under the launcher with pid {pid}'}: stop that one first")
        (self._graph_lock / "pid").write_text(str(os.getpid()))
        return held

    def _sweep(self) -> None:
        """Remove what launchers that were killed have left."""
        for folder in self._base.iterdir():
            if RUN.fullmatch(folder.name) and (held := hold(folder)) is not None:
                janitor.kill_all(f"ZG_RUN={folder.name}", janitor.PATIENCE)  # its own may have been killed, too
                shutil.rmtree(folder, ignore_errors=True)  # what resists is swept at the next start
                os.close(held)

    def _make(self) -> Path:
        while True:
            path = self._base / secrets.token_hex(ID_LENGTH // 2)
            if (held := hold(path)) is not None:  # None: another launcher's sweep was faster
                self._locks.append(held)
                return path


def base() -> Path:
    """The folder of this user's runs, made if need be. Raises Refused unless it is this user's alone."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    path = (runtime if runtime.is_absolute() else Path("/tmp")) / f"zg-{os.getuid()}"  # noqa: S108 (checked below)
    if what := _unfit(path):
        raise Refused(f"{path}: a wire's address cannot have {what} in it: set XDG_RUNTIME_DIR to another folder")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Refused(
            f"{path}: the run folder cannot be made there ({error.strerror}); unset XDG_RUNTIME_DIR to use /tmp"
        ) from None
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise Refused(f"{path} is not a folder of yours alone, so others could meddle with the run: remove it")
    return path


def _unfit(path: Path) -> str:
    """What in `path` no socket's address can have, in words; mostly nothing. See Pipe in bus/link.py."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "what is no UTF-8"
    return "a comma" if "," in str(path) else ""


def lock(graph: Path, host: str | None = None) -> Path:
    """The folder that the launcher of `graph` on `host` holds, with its `pid` and the id of its `run` in it."""
    return base() / f"{_hash(graph, host)}.lock"


def graph_in(run: Path) -> tuple[int, int] | None:
    """What tells the graph that is kept in the run folder `run` from another one; None: none is kept."""
    try:
        its = (run / GRAPH).stat()
    except OSError:
        return None
    return its.st_ino, its.st_mtime_ns


def by_hand(graph: Path, host: str | None = None) -> Path:
    """A run folder for processes that are started by hand: as long as those of a run, and never swept."""
    return base() / f"hand-{_hash(graph, host)}"[:ID_LENGTH]


def _write(mark: Path, content: object) -> None:
    fresh = mark.with_name(f"{mark.name}.fresh")
    fresh.write_text(json.dumps(content))
    fresh.replace(mark)


def _hash(graph: Path, host: str | None) -> str:
    return hashlib.sha256(b"\0".join([os.fsencode(graph.resolve()), os.fsencode(host or "")])).hexdigest()[:ID_LENGTH]


def hold(folder: Path) -> int | None:
    """Make `folder` and lock it: a descriptor that holds it until closed, or None if another process holds it."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        if _is_at(lock, folder):
            return lock
        os.close(lock)  # its last holder removed the folder between our open and our lock


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
