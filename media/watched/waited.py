"""Which streams had frames in a watched folder when a run began.

A clip that was split to its end is not split again while frames of it wait. The watcher of the same run may have seen
off the last of them before the splitter has a look: so the watcher writes down first what waits.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from media.watched.places import TAKEN

RECORD = ".waited"  # in the watched folder: {"run": its id, "streams": [name, …]}
FRAME = re.compile(r"(.+)-\d{8,}\.jpg", re.DOTALL)  # the file of a frame, and in it the stream's name


def note_waiting(folder: Path) -> None:
    """To be called before anything is claimed. The first call of a run counts: a watcher may be started again."""
    run = os.environ.get("ZG_RUN", "")
    streams = sorted(set(waiting(folder))) if run and _read(folder).run != run else []
    if not streams:
        return
    draft = folder / f"{RECORD}.new"
    try:
        draft.write_text(json.dumps({"run": run, "streams": streams}))
        draft.replace(folder / RECORD)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        print(f"cannot write {folder / RECORD} ({error.strerror}): a clip whose frames wait may be split again")


def waited(folder: Path, stream: str) -> bool:
    """Whether frames of the stream are here, or were when this run began."""
    if stream in waiting(folder):
        return True
    record = _read(folder)  # afterwards: it was written before the last of them went
    return bool(record.run) and record.run == os.environ.get("ZG_RUN") and stream in record.streams


def waiting(folder: Path) -> Iterator[str]:
    """The stream of each frame that is here. A watcher moves them from the first of these places to the second."""
    for place in (folder, folder / TAKEN):
        with suppress(FileNotFoundError), os.scandir(place) as entries:
            for entry in entries:
                if found := FRAME.fullmatch(entry.name):
                    yield found[1]


class _Record(NamedTuple):
    run: str = ""
    streams: Sequence[str] = ()


def _read(folder: Path) -> _Record:
    try:
        return _Record(**json.loads((folder / RECORD).read_bytes()))
    except FileNotFoundError:
        return _Record()
    except (ValueError, TypeError):
        print(f"{folder / RECORD} is damaged: goes on without it")
        return _Record()
