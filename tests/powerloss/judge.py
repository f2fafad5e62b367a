"""What must hold of a disk after a power cut: nothing is torn, and nothing that was acknowledged is lost."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from tests.powerloss.replay import Files
from tests.powerloss.run import BAD, DEAD, DONE, REASON, RESULTS, SPOOL, TAKEN, Run

MARK, WORKSPACE = f"{SPOOL}/.clip.mark", f"{SPOOL}/.clip.work"


def broken(run: Run, line: int, files: Files) -> list[str]:
    """What does not hold of `files`, found after a cut behind `line` of the trace."""
    return [*_torn(run, files), *_lost(run, line, files), *_dead(run, line, files)]


def placing(run: Run, files: Files) -> set[int]:
    """The numbers of the frames that a splitter, if it were started now, would move into place as the mark notes."""
    mark, names = _mark(files), sorted(run.frames)
    if mark is None or mark["ended"]:
        return set()
    noted = range(mark["next"], mark["next"] + mark["placing"])
    return {n for n in noted if files.get(f"{WORKSPACE}/{n}.part") == run.frames[names[n]]}


def _torn(run: Run, files: Files) -> Iterator[str]:
    for name, content in run.results.items():
        if files.get(f"{RESULTS}/{name}", content) != content:
            yield f"the result {name} is torn"
        for place in (SPOOL, TAKEN, DONE):
            if files.get(f"{place}/{name}", run.frames[name]) != run.frames[name]:
                yield f"the frame {place}/{name} is torn"
    if MARK in files and _mark(files) is None:
        yield "the mark is torn"


def _lost(run: Run, line: int, files: Files) -> Iterator[str]:
    again = _split_again(run, files)
    for number, name in enumerate(sorted(run.results)):
        if f"{RESULTS}/{name}" in files:
            continue
        if name in run.told and run.told[name].begin <= line:
            yield f"the result {name} is lost, which was acknowledged"
        elif any(gone.begin <= line for gone in run.goes(name)):
            yield f"the result {name} is lost, whose frame was let go"
        elif not (f"{SPOOL}/{name}" in files or f"{TAKEN}/{name}" in files or number in again):
            yield f"the frame {name} is lost"


def _split_again(run: Run, files: Files) -> set[int]:
    """The numbers of the frames that a splitter would write, or move into place, if it were started now."""
    count = len(run.results)
    mark = _mark(files)
    if mark is None:
        return {*range(count)}
    if mark["ended"]:
        waiting = any(f"{place}/{name}" in files for place in (SPOOL, TAKEN) for name in run.frames)
        return set() if waiting else {*range(count)}
    return placing(run, files) | {*range(mark["next"] + mark["placing"], count)}


def _mark(files: Files) -> Any:
    """The splitter's mark; None if there is none, or it is torn."""
    with suppress(ValueError):
        return json.loads(files.get(MARK, b""))
    return None


def _dead(run: Run, line: int, files: Files) -> Iterator[str]:
    places = [place for place in (SPOOL, TAKEN, DEAD) if f"{place}/{BAD}" in files]
    came, claimed = run.disk.find(f"{SPOOL}/{BAD}")[0], run.disk.taken_from(f"{SPOOL}/{BAD}")[0]
    is_ours = came.synced <= line and claimed.call.begin <= line  # its writer has done his part, and we took it
    if len(places) > 1 or (is_ours and not places) or any(files[f"{place}/{BAD}"] != REASON for place in places):
        yield f"{BAD} is in {places}"
    if DEAD in places and b"cannot decode" not in files.get(f"{DEAD}/{BAD}.txt", b""):
        yield f"{BAD} is a dead letter without its reason"
