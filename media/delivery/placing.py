"""Frames on their way into place: written, brought to the disk, noted, moved, in groups that share their fsyncs."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from bus import step
from bus.durable import FOLDER, opened, sync_files, sync_folder
from media.delivery.budget import Budget
from media.delivery.mark import Mark
from media.sources.job import Job
from media.storage.disk import NoRoom, check_reserve
from media.watched.places import TAKEN

GROUP = 8  # frames that share their fsyncs


class Placing:
    """Moves frames from the workspace into the folder: whole whatever is killed or cut off when, a clip's each once.

    A frame is written into a part, the part is brought to the disk, a clip's mark notes it, and it is moved. A part
    that the mark on the disk notes is moved, and nothing else: it is not written again, and not removed. For numbers
    only grow, a group is noted once, and where a clip begins anew, parts have gone or it is not sure what the mark
    notes, that is changed first.
    """

    def __init__(self, folder: Path, job: Job, workspace: Path, budget: Budget) -> None:
        self.mark, self.mark_file = Mark.of(job), folder / f".{job.stream}.mark"
        self.group: dict[int, bytes] = {}  # frames to be placed, by number
        self._whole: list[int] = []  # those of them that lie in parts; they may be written again
        self._noted: list[int] = []  # those whose parts are on the disk, and noted: they are moved, and nothing else
        self._stale = False  # whether the mark may note parts that have gone, or are to be written again
        self._folder, self._job, self._workspace, self._budget = folder, job, workspace, budget

    def place(self) -> None:
        """Let the group appear, except for what waits here already. Goes on where it was when it is called again.

        Raises OSError, and NoRoom for the first that finds no room; those before it have appeared then.
        """
        if self._stale:
            self._note_for_good(next=min(self.group))
            self._stale = False
        self._move()
        try:
            for number in [number for number in self.group if number not in self._whole]:
                if self._waits(number):
                    del self.group[number]
                else:
                    self._write(number)
        finally:
            self._appear()

    def end(self, count: int, trouble: str) -> None:
        """Note that all `count` frames are in place, so that a power cut does not change it. Raises OSError."""
        self._note_for_good(next=count, ended=True, trouble=trouble)

    def discard(self) -> None:
        """Leave nothing of a live source's group."""
        for number in self.group:
            with contextlib.suppress(OSError):  # it goes with the workspace
                self._part(number).unlink()
        self.group.clear()
        self._whole.clear()
        self._noted.clear()

    def begin_again(self) -> None:
        """The workspace is a new one: what lay in it has gone."""
        self._stale = not self._job.live and (self._stale or bool(self._noted))
        self._whole.clear()
        self._noted.clear()

    def resume(self, earlier: Mark) -> int:
        """Finish what an earlier life was killed in; the number of the first frame that it did not come to."""
        for number in range(earlier.next, earlier.next + earlier.placing):
            part = self._part(number)
            if part.exists() and not self._waits(number):
                with step("resume"):
                    part.rename(self._folder / self._job.name(number))
        return earlier.next + earlier.placing

    def forget(self) -> None:
        """Remove the mark of what was split before, so that it notes nothing that is written now. Raises OSError."""
        self.mark_file.unlink(missing_ok=True)
        self._sync_names()

    def sweep(self) -> None:
        """Remove the parts that nobody comes back for: to be called when those that the mark notes have been moved."""
        for part in self._workspace.glob("*.part"):
            part.unlink()

    def _write(self, number: int) -> None:
        body, part = self.group[number], self._part(number)
        self._find_room(len(body))
        with step("write"):
            try:
                part.write_bytes(body)
            except OSError:
                with contextlib.suppress(OSError):  # nothing half-written stays on a disk that is full
                    part.unlink()
                raise
        self._whole.append(number)

    def _find_room(self, size: int) -> None:
        """Raises NoRoom, with nothing kept back that others might finish meanwhile."""
        try:
            check_reserve(self._folder)
            self._budget.check(size, *(len(self.group[number]) for number in self._whole))
        except NoRoom:
            if not self._whole:
                raise
            self._appear()
            self._find_room(size)

    def _appear(self) -> None:
        """Let those appear that are whole."""
        if self._whole:
            try:
                self._bring_to_disk()
            except OSError:
                self._whole.clear()  # an fsync says only once what is lost: they are written again
                self._stale = not self._job.live
                raise
            self._noted, self._whole = self._whole, []
        self._move()

    def _bring_to_disk(self) -> None:
        parts, first = [self._part(number) for number in self._whole], self._whole[0]
        if not self._job.live:
            mark = replace(self.mark, next=first, placing=self._whole[-1] - first + 1)
            mark.write(self.mark_file, self._workspace, parts)
            return
        with contextlib.ExitStack() as stack:
            sync_files([stack.enter_context(opened(part)) for part in parts])

    def _move(self) -> None:
        while self._noted:
            number = self._noted[0]
            with step("place"):
                self._part(number).rename(self._folder / self._job.name(number))
            del self._noted[0]
            self._budget.wrote(len(self.group.pop(number)))

    def _note_for_good(self, **facts: Any) -> None:
        replace(self.mark, **facts).write(self.mark_file, self._workspace)
        self._sync_names()

    def _sync_names(self) -> None:
        with opened(self._folder, FOLDER) as folder:
            sync_folder(folder)

    def _part(self, number: int) -> Path:
        return self._workspace / f"{number}.part"

    def _waits(self, number: int) -> bool:
        """Whether the frame is here already. A watcher moves it from the first of these places to the second."""
        name = self._job.name(number)
        return os.path.lexists(f"{self._folder}/{name}") or os.path.lexists(f"{self._folder}/{TAKEN}/{name}")
