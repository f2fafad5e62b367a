"""PyAV, in a process that can be killed: a file of any container, or a stream, becomes frames."""

import json
import os
import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bus.arena import Address
from media.decoding.loans import Borrower
from media.decoding.records import Reader, Record
from media.sources.job import BadData, Job
from media.sources.video import Dropped, Frame, Opened, Promise, Step, Steps
from media.sources.worker import Patience, WorkerDied, at_work, ending, heard

if TYPE_CHECKING:
    import numpy

ROOT = str(Path(__file__).parents[2])
START = 10.0  # seconds that the decoder gets at least until its first word: on a busy robot Python starts slowly
COMMAND = [sys.executable, "-m", "media.decoding.decoder"]


def frames(job: Job, first: int, workspace: Path | None = None) -> Steps:
    """The frames that `job` asks for, from number `first` on: JPEG where there is a `workspace`, else as they are.

    Raises BadData once what can be read has been given; WorkerDied if the decoder died, or nothing came from it for as
    long as the job has patience.
    """
    with closing(_records(job, first=first, jpeg=workspace is not None)) as records:
        for record in records:
            yield _step(record) if record else None


def promise(job: Job) -> Generator[None, None, Promise]:
    """What a clip's container says of its video, as far as PyAV can read it."""
    found = Promise(0, 0)
    try:
        for record in _records(job, promise=True):
            if record and record.words["is"] == "promise":
                found = Promise(record.words["seconds"], record.words["rate"])
            yield None
    except BadData:
        return found  # another engine may know better
    return found


def _records(job: Job, **asked: Any) -> Generator[Record | None, None, None]:
    """What the decoder has to say until it ends, and None now and then. Raises BadData if it does not end well."""
    request = {"first": 0, "jpeg": False, "promise": False, **asked, "job": asdict(job)}
    python_path = os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
    with at_work(
        COMMAND, env={"PYTHONPATH": python_path}, told=json.dumps(request).encode() + b"\n", more=True
    ) as worker:
        assert worker.stdin
        borrower = Borrower(worker.stdin)
        reader, patience = Reader(), Patience(max(job.patience, START))
        for news in heard(worker):
            if news is None or news[0] is worker.stderr:
                if news:
                    print(news[1].decode(errors="replace"), end="")
                if patience.lost:
                    raise WorkerDied(f"{job.shown}: no frame came for {job.patience:g} s")
                yield None
                continue
            for record in reader.read(news[1]):
                if record.words["is"] == "bad":
                    raise BadData(record.words["words"])
                if record.words["is"] == "end":
                    _say_damage(job, **record.words)
                    return
                if record.words["is"] == "arena":
                    borrower.meet(Address(*record.words["address"]))
                    continue
                if "memory" in record.words:
                    record = record._replace(body=borrower.view(*record.words["memory"]))
                yield record
                del record
                borrower.give_back()
            patience = Patience(job.patience)  # a new one: the first was longer
        yield None  # who was stopped together with the decoder leaves here, and takes its end for nothing else
        raise WorkerDied(f"{job.shown}: its decoder {ending(worker) or 'stopped without a word'}")


def _say_damage(job: Job, *, damages: int, damage: str, **_: Any) -> None:
    """Of a live source; a clip that is damaged ends as bad data."""
    if damages:
        print(f"{job.shown}: {damages} times something could not be decoded, the first {damage}")


def _step(record: Record) -> Step:
    words = record.words
    if words["is"] == "Opened":
        return Opened(tuple(words["size"]), words["rate"], words["total"], words["ends"])
    if words["is"] == "Dropped":
        return Dropped(words["frames"], words["why"])
    if words["is"] != "Frame":
        return None
    raw = words.get("size")  # in pixels; without it is a JPEG
    return Frame(words["number"], _array(raw, record.body) if raw else bytes(record.body), words["captured"])


def _array(size: tuple[int, int], body: bytes | memoryview) -> "numpy.ndarray[Any, Any]":
    """Raw pixels as they are, without a copy."""
    width, height = size
    import numpy  # which no frame that becomes a file needs

    return numpy.frombuffer(body, numpy.uint8).reshape(height, width, 3)
