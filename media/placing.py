"""Frames on their way into place: written, brought to the disk, marked, moved, in groups that share their fsyncs."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from bus import step
from bus.durable import FOLDER, opened, sync_folder
from media.budget import Budget
from media.disk import NoRoom, check_reserve
from media.job import Job
from media.mark import Mark
from media.places import TAKEN

GROUP = 8  # frames that share their fsyncs


class Placing:
    """Moves frames from the workspace into the folder; each of a clip once, whoever is killed when.

    A frame of a clip is on the disk before it appears, and has appeared on the disk before the mark says so: no power
    cut loses or tears one. Those of a live source are not synced, for what came during a power cut is lost anyway.
    """

    def __init__(self, folder: Path, job: Job, workspace: Path, budget: Budget) -> None:
        self.mark, self.mark_file = Mark.of(job), folder / f".{job.stream}.mark"
        self.group: dict[int, bytes | Path] = {}  # frames to be placed, by number: a file's content, or a file
        self._whole: dict[int, int] = {}  # those of them that lie in the workspace, and their sizes in bytes
        self._folder, self._job, self._workspace, self._budget = folder, job, workspace, budget

    def place(self) -> None:
        """Let the group appear, except for what waits here already. Goes on where it was when it is called again.

        Raises OSError, and NoRoom for the first that finds no room; those before it have appeared then.
        """
        try:
            for number, body in list(self.group.items()):
                if number not in self._whole and not self._write(number, body):
                    del self.group[number]
        finally:
            self._move()

    def end(self, count: int) -> None:
        """Note that all `count` frames are in place, so that a power cut does not change it. Raises OSError."""
        replace(self.mark, next=count, ended=True).write(self.mark_file, self._workspace)
        with opened(self._folder, FOLDER) as folder:
            sync_folder(folder)

    def discard(self) -> None:
        """Leave nothing of the group."""
        for number, body in self.group.items():
            for file in (self._part(number), body):
                if isinstance(file, Path):
                    file.unlink(missing_ok=True)
        self.group.clear()
        self._whole.clear()

    def begin_again(self) -> None:
        """The workspace is a new one: what lay in it is not whole any longer."""
        self._whole.clear()

    def resume(self, earlier: Mark) -> int:
        """Finish what an earlier life was killed in; the number of the first frame that it did not come to."""
        for number in range(earlier.next, earlier.next + earlier.placing):
            part = self._part(number)
            if part.exists() and not self._waits(number):
                with step("resume"):
                    part.rename(self._folder / self._job.name(number))
        return earlier.next + earlier.placing

    def _write(self, number: int, body: bytes | Path) -> bool:
        """Make the frame whole in the workspace; False if it waits here already."""
        if self._waits(number):
            return False
        part = self._part(number)
        size = body.stat().st_size if isinstance(body, Path) else len(body)
        self._find_room(size)
        with step("write"):
            _write(body, part)
        self._whole[number] = size
        return True

    def _find_room(self, size: int) -> None:
        """Raises NoRoom, with nothing kept back that others might finish meanwhile."""
        try:
            check_reserve(self._folder)
            self._budget.check(size, *self._whole.values())
        except NoRoom:
            if not self._whole:
                raise
            self._move()
            self._find_room(size)

    def _move(self) -> None:
        parts = {number: self._part(number) for number in self._whole}
        if parts and not self._job.live:
            self._note(parts)
        for number, part in parts.items():
            with step("place"):
                part.rename(self._folder / self._job.name(number))
            self._budget.wrote(self._whole.pop(number))
            del self.group[number]

    def _note(self, parts: dict[int, Path]) -> None:
        first, last = min(parts), max(parts)
        try:
            replace(self.mark, next=first, placing=last - first + 1).write(
                self.mark_file, self._workspace, parts.values()
            )
        except OSError:
            # An fsync says only once what is lost: it is written again, unless it is an engine's.
            for number in parts:
                if isinstance(self.group[number], bytes):
                    del self._whole[number]
            raise

    def _part(self, number: int) -> Path:
        return self._workspace / f"{number}.part"

    def _waits(self, number: int) -> bool:
        """Whether the frame is here already. A watcher moves it from the first of these places to the second."""
        name = self._job.name(number)
        return os.path.lexists(self._folder / name) or os.path.lexists(self._folder / TAKEN / name)


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
