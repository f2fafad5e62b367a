"""The folder that a splitter writes frames to: each whole or absent, each of a clip once, whoever is killed when."""

import contextlib
import fcntl
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from bus import Stopped, wait
from media.job import Job, WrongArgument
from media.mark import Mark

TAKEN = ".taken"  # where a watcher keeps the frames that are being worked on
PATIENCE = 10.0  # seconds that an earlier splitter of the same stream gets to go away
PAUSE = 0.1  # seconds between two looks at the folder
MB = 10**6
RESERVE = 64 * MB  # of the disk, which no frame takes: for what is made of the frames, which lets them go
RETRY = 1.0  # seconds between two looks at a disk that is full
REMIND = 30.0  # seconds between two lines about it
START = r"\d{8}T\d{6}Z-[0-9a-f]{4}"  # what tells the starts of a live stream apart


class FrameFolder:
    """Where frames appear under their final names. Beside them, hidden: a clip's mark, and a workspace during the work.

    The workspace holds what is not whole yet, and a lock: who has it is the only splitter of this stream here.
    It stays if a frame of a clip that is marked as `placing` could not be moved out of it: the next life does that.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self.next = 0  # the number of the next frame to write
        self.complete = False  # whether an earlier life has written them all
        self.workspace = folder / f".{job.prefix}.work"
        self._folder, self._job = folder, job
        self._mark, self._mark_file = Mark.of(job), folder / f".{job.stream}.mark"
        self._lock: int | None = None
        self._said = -math.inf  # when it said last that the disk is full

    def __enter__(self) -> "FrameFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._lock is not None:
            orderly = kind is None or issubclass(kind, (GeneratorExit, Stopped))
            if orderly or self._job.live or not any(self.workspace.glob("*.part")):
                shutil.rmtree(self.workspace, ignore_errors=True)
            os.close(self._lock)

    def settle(self) -> Iterator[None]:
        """Wait until frames may be written, and find out which: see `next` and `complete`. Raises WrongArgument."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._leave_room()
            yield from self._lock_out_others()
        except OSError as error:
            raise WrongArgument(
                f"folder: cannot write to {self._folder.absolute()}: {error.strerror};"
                " give another, or make it writable"
            ) from None
        if self._job.live:
            self._sweep()
            return
        earlier = Mark.read(self._mark_file)
        if earlier is None or not earlier.same_clip(self._mark):
            if earlier and earlier.source != self._mark.source:
                print(
                    f"frames of {earlier.source} were named {self._job.stream} before: what was made of them may be"
                    " written over; to keep both, give stream: another name"
                )
            yield from self._wait_for_earlier_frames()
        elif earlier.ended:
            same_run = bool(earlier.run) and earlier.run == self._mark.run
            self.complete = same_run or self._frames_wait()
        else:
            self.next = self._resume(earlier)

    def place(self, number: int, body: bytes | Path) -> None:
        """Let frame `number` appear, unless it waits here already: a file's content, or a file to be moved here.

        Waits while the disk is nearly full. Raises Stopped when the node is to stop meanwhile.
        """
        self._leave_room()
        self.next = number + 1
        if self._waits(number):
            return
        part = self._part(number)
        if isinstance(body, Path):
            body.rename(part)
        else:
            part.write_bytes(body)
        if not self._job.live:
            replace(self._mark, next=number, placing=True).write(self._mark_file, self.workspace)
        part.rename(self._folder / self._job.name(number))

    def end(self) -> None:
        """Note that every frame that can be read of the clip is in place."""
        if not self._job.live:
            replace(self._mark, next=self.next, ended=True).write(self._mark_file, self.workspace)

    def _leave_room(self) -> None:
        """Wait while the disk is nearly full."""
        while shutil.disk_usage(self._folder).free < RESERVE:
            words = f"waits while less than {RESERVE // MB} MB are free on the disk of {self._folder.absolute()}"
            if time.monotonic() - self._said > REMIND:
                self._said = time.monotonic()
                print(words)
            wait(words, RETRY)

    def _part(self, number: int) -> Path:
        return self.workspace / f"{number}.part"

    def _resume(self, earlier: Mark) -> int:
        """Finish what an earlier life was killed in; the number of the first frame that it did not come to."""
        if not earlier.placing:
            return earlier.next
        part = self._part(earlier.next)
        if part.exists() and not self._waits(earlier.next):
            part.rename(self._folder / self._job.name(earlier.next))
        return earlier.next + 1

    def _waits(self, number: int) -> bool:
        """Whether the frame is here already. A watcher moves it from the first of these places to the second."""
        name = self._job.name(number)
        return os.path.lexists(self._folder / name) or os.path.lexists(self._folder / TAKEN / name)

    def _frames_wait(self) -> bool:
        """Whether any frame of the stream is still here."""
        ours = re.compile(rf"{re.escape(self._job.stream)}-\d{{8,}}\.jpg")
        for place in (self._folder, self._folder / TAKEN):
            with contextlib.suppress(FileNotFoundError), os.scandir(place) as entries:
                if any(ours.fullmatch(entry.name) for entry in entries):
                    return True
        return False

    def _wait_for_earlier_frames(self) -> Iterator[None]:
        if self._frames_wait():
            print(
                f"waits until earlier frames of {self._job.stream} have left {self._folder.absolute()}:"
                " if nothing takes them, remove them, or give stream: another name"
            )
        while self._frames_wait():
            time.sleep(PAUSE)
            yield None

    def _lock_out_others(self) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE
        while not self._locked():
            if time.monotonic() > deadline:
                raise WrongArgument(
                    f"stream: another splitter writes {self._job.stream} into {self._folder.absolute()}:"
                    " stop it, or give one of them stream: another name"
                )
            time.sleep(PAUSE)
            yield None

    def _locked(self) -> bool:
        """Try to be the only splitter of this stream here."""
        try:
            self.workspace.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.workspace / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return False  # who had it is just leaving
        if _take(lock) and _is_at(lock, self.workspace / "lock"):
            self._lock = lock
            return True
        os.close(lock)
        return False

    def _sweep(self) -> None:
        """Remove the workspaces of this stream's earlier starts that were killed."""
        workspace = re.compile(rf"\.{re.escape(self._job.stream)}-{START}\.work")
        for path in [path for path in self._folder.iterdir() if workspace.fullmatch(path.name)]:
            with contextlib.suppress(OSError), open(path / "lock", "rb") as lock:
                if path != self.workspace and _take(lock.fileno()):
                    shutil.rmtree(path)


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
