"""The resume mark: how far a splitter has come with a clip, kept beside the clip's frames."""

import json
import os
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus import step
from bus.durable import FOLDER, opened, sync_files, sync_folder
from media.sources.images import matching
from media.sources.job import Job


@dataclass(frozen=True)
class Mark:
    """Which clip, how it is split, and how far: frames before `next` are in place.

    `placing`: so many frames from `next` on lay whole in the workspace when this was written, about to be moved into
    place. Those that lie there no longer were, and may be finished by now: they must not be written a second time. As
    long as the mark says so nothing else is done to them: see media.delivery.placing.Placing.

    A power cut makes none of this untrue: it was on the disk before it was written here.
    """

    source: str  # as written, secrets hidden
    size: int  # bytes, of all files that it reads
    mtime: int  # ns since the epoch, of the latest of them
    arguments: dict[str, Any]  # those that decide which frames come out, and what they look like
    run: str  # the id of the launcher's run; empty without a launcher
    next: int = 0
    placing: int = 0
    ended: bool = False
    trouble: str = ""  # why it ended before its end
    facts: dict[str, Any] = field(default_factory=dict)  # what the watcher was told of the frames

    @classmethod
    def of(cls, job: Job) -> "Mark":
        """The mark of a clip of which nothing is split yet."""
        files = matching(job) if job.kind in ("clip", "images", "recording") else []
        found = [file.stat() for file in files if file.exists()]
        arguments = {key: getattr(job, key) for key in ("engine", "rate", "quality", "limit")}
        arguments["size"] = list(job.size) if job.size else None  # as JSON gives it back
        return cls(
            source=job.shown,
            size=sum(status.st_size for status in found),
            mtime=max((status.st_mtime_ns for status in found), default=0),
            arguments=arguments,
            run=os.environ.get("ZG_RUN", ""),
        )

    @classmethod
    def read(cls, path: Path) -> "Mark | None":
        """The mark in a file; None if there is none, or none that can be read."""
        try:
            mark = cls(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            print(f"{path} is no mark of a splitter: the clip is split afresh")
            return None
        return mark if isinstance(mark.next, int) and mark.next >= 0 else None

    def write(self, path: Path, workspace: Path, frames: Iterable[Path] = ()) -> None:
        """Replace the mark in the file at `path`, at once and whole, when what it says is on the disk.

        These are the frames in the folder of `path`, and those in the workspace, `frames`. Raises OSError; then the
        old one stands.
        """
        draft = workspace / "mark"
        try:
            with step("draft the end") if self.ended else step("draft"):
                draft.write_text(json.dumps(vars(self)))
            with ExitStack() as stack:
                sync_files([stack.enter_context(opened(file)) for file in (*frames, draft)])
                for folder in (workspace, path.parent):
                    sync_folder(stack.enter_context(opened(folder, FOLDER)))
            with step("note the end") if self.ended else step("note"):
                draft.replace(path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    def same_clip(self, other: "Mark") -> bool:
        """Whether both are about the same file, split in the same way."""
        return (self.source, self.size, self.mtime, self.arguments) == (
            other.source, other.size, other.mtime, other.arguments,
        )  # fmt: skip
