"""gst-launch-1.0 as a child: whatever GStreamer can read becomes JPEG files, which become frames."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from PIL import Image

from bus import wait
from media.decoding.pipelines import CLIP, check_door, environment, pipeline
from media.decoding.pyav import promise
from media.decoding.telling import NO_TIME, HasEnd, Made, Telling
from media.delivery.workspace import scratch
from media.sources.job import GSTREAMER_ONLY, BadData, Job
from media.sources.newest import newest
from media.sources.source import WrongArgument
from media.sources.video import BEAT, OLD, SLOW, USUAL_RATE, Backlog, Dropped, Frame, Opened, Promise, Selection, Steps
from media.sources.worker import Patience, Worker, WorkerDied, at_work
from media.storage.disk import NoRoom, check_reserve

TOOLS = "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav"


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The frames that `job` asks for, from number `first` on: files, in a folder of their own below `workspace`.

    Raises WrongArgument if GStreamer or a part of it is not installed, or the pipeline can never run; BadData if the
    source is broken or not there; WorkerDied if gst-launch died, or gave nothing for as long as the job has patience.
    """
    program = shutil.which("gst-launch-1.0")
    if not program:
        av = "" if job.kind in GSTREAMER_ONLY else ", or use engine: av"
        raise WrongArgument(f"gst-launch-1.0 is not installed: {TOOLS}{av}")
    try:
        yield from _frames(program, job, first, workspace)
    except HasEnd:  # before its first frame: opened anew, so that none is left out
        yield from _frames(program, replace(job, ends=True), first, workspace)


def _frames(program: str, job: Job, first: int, workspace: Path | None) -> Steps:
    if job.kind == "device":
        check_door(job)
    command = [program, *pipeline(job)]
    if job.ends and workspace:
        yield from _room(workspace)
    promised = (yield from promise(job)) if job.kind == "clip" else Promise(0, 0)
    with _folder(job, workspace) as folder, at_work(command, folder, environment()) as worker:
        reading = _Reading(job, first, promised)
        with closing(_paced(worker, reading, folder)) as steps:
            for step in steps:
                yield step
                if isinstance(step, Frame) and isinstance(step.picture, Path):
                    step.picture.unlink(missing_ok=True)  # who wanted to keep it has moved it away


def _room(workspace: Path) -> Steps:
    """Wait until gst-launch finds room for its files."""
    said = ""
    while trouble := _trouble(workspace):
        if trouble != said:
            print(trouble)
            said = trouble
        wait(trouble, BEAT)
        yield None


def _trouble(workspace: Path) -> str:
    """Why a clip has to wait; nothing if it has not."""
    try:
        check_reserve(workspace)
    except NoRoom as trouble:
        return trouble.until
    except FileNotFoundError:
        return ""  # it is made again
    return ""


@contextmanager
def _folder(job: Job, workspace: Path | None) -> Iterator[Path]:
    """A folder that no other gst-launch ever writes to: not even one whose splitter was killed."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch(workspace))
            if job.kind == "clip":
                (folder / CLIP).symlink_to(Path(job.source).absolute())
        except OSError as error:
            raise WorkerDied(f"{job.shown}: gst-launch-1.0 gets no folder for its files: {error}") from None
        yield folder


def _paced(worker: Worker, reading: "_Reading", folder: Path) -> Steps:
    """What has an end waits for who takes its frames; what has none is read on, and gives the newest."""
    if not reading.ends:
        yield from newest(reading.steps(worker, folder), lambda: reading.seconds, lambda: _at_rest(worker))
        return
    with closing(reading.steps(worker, folder)) as steps:
        for step in steps:
            if step is None:
                yield None
            else:
                with _at_rest(worker):
                    yield step


@contextmanager
def _at_rest(worker: Worker) -> Iterator[None]:
    """The worker makes no more files while what it has made is not taken."""
    os.killpg(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGCONT)


class _Reading:
    """One connection to the source: files that gst-launch made become steps."""

    def __init__(self, job: Job, first: int, promised: Promise) -> None:
        self._job, self._first, self._promised, self.ends = job, first, promised, job.ends is True
        self._selection = Selection(job, first, self.ends)
        self._backlog = Backlog() if first and not self.ends else None
        self._size: tuple[int, int] | None = None
        self.seconds = 0.0  # when the last frame is shown

    def steps(self, worker: Worker, folder: Path) -> Steps:
        """What comes out, to the end of the source."""
        job, patience = self._job, Patience(self._job.patience)
        for made in Telling(job, self._first).made(worker):
            if made is None:
                yield None  # a stop that is wanted comes first
                if patience.lost:
                    raise WorkerDied(f"{job.shown}: no frame came for {job.patience:g} s")
                continue
            yield from self._taken(made, folder)
            patience.renew()
            if self._selection.full:
                return
        if self._size is None:
            raise BadData(f"cannot read {job.shown}: gstreamer found not one frame in it")
        if self.ends:
            self._promised.kept(job, self.seconds + 1 / (self._promised.rate or USUAL_RATE))

    def _taken(self, made: Made, folder: Path) -> Steps:
        """One file, which gst-launch may remove until it has another name."""
        written = folder / f"{made.number:08d}.jpg"
        try:
            file = written.rename(written.with_suffix(".taken"))
            size, captured = _size(file), file.stat().st_mtime_ns
        except FileNotFoundError as error:
            if self.ends:
                raise WorkerDied(f"{self._job.shown}: something else removed {error.filename}") from None
            yield Dropped(1, SLOW)
            return
        self.seconds = self._shown_at(made)
        if self._size != size:
            self._size = size
            rate = self._promised.rate or made.rate
            yield Opened(size, rate, self._promised.total(self._job), self.ends)
        if self._backlog and self._backlog.holds(self.seconds, time.monotonic()):
            file.unlink(missing_ok=True)
            yield Dropped(1, OLD)
        elif (number := self._selection.number(self.seconds)) is None:
            file.unlink(missing_ok=True)
            yield None
        else:
            yield Frame(number, file, captured)

    def _shown_at(self, made: Made) -> float:
        """Seconds on the source's clock; where it has none, a clip's rate or our own must do."""
        if made.time != NO_TIME:
            return made.time / 1e9
        return made.number / (self._promised.rate or USUAL_RATE) if self.ends else time.monotonic()


def _size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.width, image.height
