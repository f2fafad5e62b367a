"""The folder that a splitter writes frames to: each whole or absent, each of a clip once, whoever is killed when."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from bus import step, wait
from media.budget import Budget
from media.disk import MISTAKES, NoRoom, check_reserve, trouble_told
from media.job import Job
from media.mark import Mark
from media.mounts import Mounted
from media.places import TAKEN
from media.source import WrongArgument
from media.video import Dropped
from media.waited import waited, waiting
from media.workspace import Workspace

PATIENCE = 10.0  # seconds that an earlier splitter of the same stream gets to go away
PAUSE = 0.1  # seconds between two looks at the folder, or at a disk that is full
REMIND = 30.0  # seconds between two lines about the same trouble

Value = TypeVar("Value")


class FrameFolder:
    """Where frames appear under their final names. Beside them, hidden: a clip's mark, and a workspace during the work.

    When the folder's budget or its disk is full, a clip waits, and frames of a live source are dropped. The workspace
    stays if a frame of a clip lies in it whole, for it may be marked as `placing`: the next life moves it out then.
    """

    def __init__(self, folder: Path, job: Job, budget: str) -> None:
        """`budget`: see media.budget.Budget. Raises WrongArgument."""
        self.next = 0  # the number of the next frame to write
        self.complete = False  # whether an earlier life has written them all
        self.live = job.live  # whether frames that find no room are dropped, because their source cannot wait
        self._folder, self._job = folder, job
        self._workspace = Workspace(folder, job)
        self._budget = Budget(folder, budget)
        self._mark, self._mark_file = Mark.of(job), folder / f".{job.stream}.mark"
        self._whole: int | None = None  # the number of the frame that lies in the workspace, to be moved into place
        self._said: dict[str, float] = {}  # trouble -> when it was said last, by time.monotonic
        self._mistakes: tuple[int, ...] = MISTAKES  # what is not waited for: nothing, once the folder was right
        self._mounted = Mounted(folder)

    def __enter__(self) -> "FrameFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with step("leave"):
            self._workspace.leave(keep=not self._job.live and any(self.workspace.glob("*.part")))

    @property
    def workspace(self) -> Path:
        """A folder on the same disk for the files of an engine."""
        return self._workspace.path

    def settle(self) -> Iterator[None]:
        """Wait until frames may be written, and find out which: see `next` and `complete`. Raises WrongArgument."""
        try:
            self._patiently(partial(self._folder.mkdir, parents=True, exist_ok=True))
            yield from self._lock_out_others()
            yield from self._budget.settle()
        except OSError as error:
            raise WrongArgument(
                f"folder: cannot write to {self._folder.absolute()}: {error.strerror};"
                " give another, or make it writable"
            ) from None
        self._mistakes = ()
        if self._job.live:
            self._workspace.sweep()
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
            self.complete = same_run or waited(self._folder, self._job.stream)
        else:
            self.next = self._resume(earlier)
        for part in self.workspace.glob("*.part"):
            part.unlink()  # nobody will come back for it

    def place(self, number: int, body: bytes | Path) -> Dropped | None:
        """Let frame `number` appear, unless it waits here already: a file's content, or a file to be moved here.

        Without room for it a clip waits, unless it is Stopped; a live source's frame is dropped.
        """
        self.next = number + 1
        do = self._at_once if self.live else self._patiently
        try:
            do(partial(self._place, number, body))
        except NoRoom as trouble:
            self._discard(number, body)
            return Dropped(1, str(trouble))
        except FileNotFoundError:
            if not isinstance(body, Path) or body.exists():
                raise
            return Dropped(1, f"something else removed them from {self.workspace.absolute()}")
        return None

    def end(self) -> None:
        """Note that every frame that can be read of the clip is in place."""
        if not self._job.live:
            self._patiently(partial(self._note, next=self.next, ended=True))

    def _place(self, number: int, body: bytes | Path) -> None:
        """Goes on where it was when it is called again for the same frame."""
        part = self._part(number)
        if self._whole != number:
            if not self._workspace.intact:
                self._make_again()
            if self._waits(number):
                return
            size = body.stat().st_size if isinstance(body, Path) else len(body)
            check_reserve(self._folder)
            self._budget.check(size)
            with step("write"):
                _write(body, part)
            self._whole = number
            self._budget.wrote(size)
        if not self._job.live:
            self._note(next=number, placing=True)
        with step("place"):
            part.rename(self._folder / self._job.name(number))

    def _discard(self, number: int, body: bytes | Path) -> None:
        """Leave nothing of a frame that is dropped."""
        for file in (self._part(number), body):
            if isinstance(file, Path):
                file.unlink(missing_ok=True)

    def _patiently(self, deed: Callable[[], Value]) -> Value:
        """Do it as soon as there is room. Raises Stopped."""
        while True:
            try:
                return self._at_once(deed)
            except NoRoom as trouble:
                self._say(str(trouble), trouble.until)
                wait(trouble.until, PAUSE)

    def _at_once(self, deed: Callable[[], Value]) -> Value:
        """Do it, in a folder that is made again if it was removed. Raises NoRoom."""
        with trouble_told(self._folder, self._mistakes):
            try:
                return deed()
            except FileNotFoundError:
                if self._workspace.intact:
                    raise
                self._make_again()
                return deed()

    def _make_again(self) -> None:
        self._mounted.check()
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._workspace.lock():
            raise self._another()
        self._whole = None
        place = self._folder.absolute()
        self._say("removed", f"{place} was removed, or the workspace in it: makes it again and goes on")

    def _note(self, **facts: Any) -> None:
        replace(self._mark, **facts).write(self._mark_file, self.workspace)

    def _say(self, trouble: str, words: str) -> None:
        now = time.monotonic()
        if now - self._said.get(trouble, -math.inf) > REMIND:
            self._said[trouble] = now
            print(words)

    def _part(self, number: int) -> Path:
        return self.workspace / f"{number}.part"

    def _resume(self, earlier: Mark) -> int:
        """Finish what an earlier life was killed in; the number of the first frame that it did not come to."""
        if not earlier.placing:
            return earlier.next
        part = self._part(earlier.next)
        if part.exists() and not self._waits(earlier.next):
            with step("resume"):
                self._patiently(partial(part.rename, self._folder / self._job.name(earlier.next)))
        return earlier.next + 1

    def _waits(self, number: int) -> bool:
        """Whether the frame is here already. A watcher moves it from the first of these places to the second."""
        name = self._job.name(number)
        return os.path.lexists(self._folder / name) or os.path.lexists(self._folder / TAKEN / name)

    def _frames_wait(self) -> bool:
        """Whether any frame of the stream is still here."""
        return self._job.stream in waiting(self._folder)

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
        while not self._patiently(self._workspace.lock):
            if time.monotonic() > deadline:
                raise self._another()
            time.sleep(PAUSE)
            yield None

    def _another(self) -> WrongArgument:
        return WrongArgument(
            f"stream: another splitter writes {self._job.stream} into {self._folder.absolute()}:"
            " stop it, or give one of them stream: another name"
        )


def _write(body: bytes | Path, part: Path) -> None:
    """Write, or move, the frame there. Leaves nothing half-written on a disk that is full."""
    if isinstance(body, Path):
        body.rename(part)
        return
    try:
        part.write_bytes(body)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
