"""The folder that a splitter writes frames to: each whole or absent, each of a clip once, whoever is killed when."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from bus import drop, step, wait
from bus.durable import sync_way
from media.delivery.budget import Budget
from media.delivery.mark import Mark
from media.delivery.placing import GROUP, Placing
from media.delivery.workspace import Workspace
from media.sources.job import Job
from media.sources.source import WrongArgument
from media.sources.video import Dropped
from media.storage.disk import MISTAKES, NoRoom, trouble_told
from media.storage.mounts import Mounted
from media.watched.waited import waited, waiting

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
        """`budget`: see media.delivery.budget.Budget. Raises WrongArgument."""
        self.next = 0  # the number of the next frame to write
        self.complete = False  # whether an earlier life has written them all
        self.trouble = ""  # why that life could not read more
        self.live = job.live  # whether frames that find no room are dropped, because their source cannot wait
        self._folder, self._job = folder, job
        self._workspace = Workspace(folder, job)
        self._budget = Budget(folder, budget)
        self._placing = Placing(folder, job, self.workspace, self._budget)
        self._said: dict[str, float] = {}  # trouble -> when it was said last, by time.monotonic
        self._mistakes: tuple[int, ...] = MISTAKES  # what is not waited for: nothing, once the folder was right
        self._mounted = Mounted(folder)
        self._group_began = 0.0  # by time.monotonic

    def __enter__(self) -> "FrameFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.live and self._placing.group:  # came at once with more, which did not come
            try:
                self._at_once(self._place)
            except (NoRoom, OSError) as trouble:
                drop(count := len(self._placing.group))
                print(f"dropped {count} frame{'' if count == 1 else 's'} of {self._job.title} at its end: {trouble}")
        with step("leave"):
            self._workspace.leave(keep=not self._job.live and any(self.workspace.glob("*.part")))

    @property
    def workspace(self) -> Path:
        """A folder on the same disk for the files of an engine."""
        return self._workspace.path

    @property
    def held(self) -> float:
        """Seconds for which the first frame of a group waits to appear with others."""
        return time.monotonic() - self._group_began if self._placing.group else 0.0

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of all frames, for the mark to keep: an earlier life's, if that has written them all."""
        return self._placing.mark.facts

    @facts.setter
    def facts(self, facts: dict[str, Any]) -> None:
        self._placing.mark = replace(self._placing.mark, facts=facts)

    def settle(self) -> Iterator[None]:
        """Wait until frames may be written, and find out which: see `next` and `complete`. Raises WrongArgument."""
        try:
            self._patiently(self._make)
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
        mark, earlier = self._placing.mark, Mark.read(self._placing.mark_file)
        if earlier is None or not earlier.same_clip(mark):
            if earlier and earlier.source != mark.source:
                print(
                    f"frames of {earlier.source} were named {self._job.stream} before: what was made of them may be"
                    " written over; to keep both, give stream: another name"
                )
            yield from self._begin_anew()
        elif earlier.ended:
            same_run = bool(earlier.run) and earlier.run == mark.run
            self.complete = same_run or waited(self._folder, self._job.stream)
            self.trouble, self.facts = earlier.trouble, earlier.facts
            if not self.complete:
                yield from self._begin_anew()
        else:
            self.next = self._patiently(partial(self._placing.resume, earlier))
        self._patiently(self._placing.sweep)

    def place(self, number: int, body: bytes | Path, more: bool = False) -> Dropped | None:
        """Let frame `number` appear, unless it waits here already: a file's content, or a file, which goes.

        If there is `more` to come at once, it may appear together with what comes. Without room for it a clip waits,
        unless it is Stopped; a live source's frames are dropped.
        """
        self.next = number + 1
        if not self._placing.group:
            self._group_began = time.monotonic()
        try:
            self._placing.group[number] = body if isinstance(body, bytes) else self._hold(partial(_taken, body))
        except NoRoom as trouble:
            return Dropped(1, str(trouble))
        except FileNotFoundError:
            return Dropped(1, f"something else removed them from {self.workspace.absolute()}")
        return None if more and len(self._placing.group) < GROUP else self.flush()

    def flush(self) -> Dropped | None:
        """Let those appear that have not yet; those of a live source that find no room are dropped."""
        try:
            if self._placing.group:
                self._hold(self._place)
        except NoRoom as trouble:
            dropped = Dropped(len(self._placing.group), str(trouble))
            self._placing.discard()
            return dropped
        return None

    def end(self, trouble: str = "") -> None:
        """Note that every frame that can be read of the clip is in place; `trouble` says why there are no more."""
        self.flush()
        if not self._job.live:
            self._patiently(partial(self._placing.end, self.next, trouble))

    def _hold(self, deed: Callable[[], Value]) -> Value:
        """Do it; a clip waits until there is room. Raises NoRoom for a live source."""
        return (self._at_once if self.live else self._patiently)(deed)

    def _place(self) -> None:
        if not self._workspace.intact:
            self._make_again()
        self._placing.place()

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

    def _make(self) -> None:
        self._mounted.check()
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._job.live:
            sync_way(self._folder)

    def _make_again(self) -> None:
        self._make()
        if not self._workspace.lock():
            raise self._another()
        self._placing.begin_again()
        place = self._folder.absolute()
        self._say("removed", f"{place} was removed, or the workspace in it: makes it again and goes on")

    def _say(self, trouble: str, words: str) -> None:
        now = time.monotonic()
        if now - self._said.get(trouble, -math.inf) > REMIND:
            self._said[trouble] = now
            print(words)

    def _begin_anew(self) -> Iterator[None]:
        """Make sure that neither frames nor the mark of what was split before are taken for what is split now."""
        yield from self._wait_for_earlier_frames()
        self._patiently(self._placing.forget)

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


def _taken(file: Path) -> bytes:
    """The content of an engine's file, which goes."""
    content = file.read_bytes()
    file.unlink()
    return content
