"""Watch a folder: claim each file that is ready in it, send it on, see it off when all downstream is through."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from bus import SUFFIXES, Message, Stopped, arrived, backlog, closed, run
from media.arrivals import Arrivals
from media.events import CannotWatch
from media.spool import TAKEN, NotReady, Spool, Taken
from media.streams import LARGEST, Streams

IMAGES = ",".join(f"*{suffix}" for suffix in SUFFIXES)
TICK = 0.2  # seconds without an event after which the watcher looks up; the bus wants to be asked every 0.5 s
LOCK = 10.0  # seconds that a new watcher gives the last one to let go of the folder


def watcher(
    streams: Iterable[Message] | None = None, *, folder: str, pattern: str = IMAGES, then: str = "delete"
) -> Iterator[Message | None]:
    """One message for each file that matches `pattern`, whoever wrote it, as soon as no writer has it open.

    With `streams`, from a splitter, it ends with its input; without, it watches for ever. What can never be done is
    moved to `dead-letters/` in the folder, with the reason beside it.

    folder: what is watched, with its subfolders; hidden ones and dead-letters are left out
    pattern: names that are taken, as globs with commas between them
    then: what becomes of a file when all is done with it: delete, or keep (it moves to .done/ in the folder)
    """
    try:
        with closing(Spool(folder, then)) as spool, closing(Arrivals(spool.folder, pattern)) as arrivals:
            yield from _wait_for_lock(spool)
            yield from _watch(streams, spool, arrivals)
    except CannotWatch as error:
        print(error)
        raise SystemExit(error.code) from None


def _watch(streams: Iterable[Message] | None, spool: Spool, arrivals: Arrivals) -> Iterator[Message | None]:
    known = Streams(spool.folder)
    if leftovers := spool.leftovers():
        print(f"{len(leftovers)} frames of an earlier run wait in {spool.folder / TAKEN}")
    for done, taken in enumerate(leftovers):
        backlog(len(leftovers) - done)
        yield _message(taken, known, spool)

    arrivals.scan()
    print(f"watches {spool.folder}: {arrivals.waiting} waiting")
    ending, ready = False, None
    try:
        while not ending or arrivals.waiting or spool.held:
            ready = _next(arrivals, spool)
            backlog(arrivals.waiting)
            if streams is not None:
                known.learn(_ours(arrived(streams), spool))
                if not closed(streams):
                    ending = False
                elif not ending:
                    ending = True
                    arrivals.scan()  # what was there when the splitter ended is found now, whatever became of its event
            yield _message(ready, known, spool) if ready else None
    except (GeneratorExit, Stopped):  # say what is left for the next start
        arrivals.scan()
        backlog(arrivals.waiting + (ready is not None))
        raise


def _ours(opened: Iterable[Message], spool: Spool) -> Iterator[Message]:
    """What the splitter opened, which must go into this folder: else its frames would wait for ever."""
    for message in opened:
        folder = Path(message.data.pop("folder", spool.folder))
        if folder != spool.folder.resolve():
            raise CannotWatch(
                f"the splitter writes into {folder}, but {spool.folder} is watched: give both one folder", 2
            )
        yield message


def _next(arrivals: Arrivals, spool: Spool) -> Taken | None:
    """The next file that can be claimed; None if there is none for the moment."""
    candidate = arrivals.next(TICK)
    if candidate is None:
        spool.check()
        return None
    try:
        return spool.take(*candidate)
    except NotReady:
        arrivals.later(*candidate)
        return None


def _message(taken: Taken, known: Streams, spool: Spool) -> Message:
    origin = known.origin(taken.name)
    return Message(
        file=taken.file,
        name=taken.name,
        stream=origin.stream,
        number=origin.number,
        captured=min(max(taken.written, 1), LARGEST),  # a clock may have been anywhere; 0 would mean now
        time="captured" if origin.stream else "written",
        data=origin.facts,
        finish=partial(spool.finish, taken.name),
    )


def _wait_for_lock(spool: Spool) -> Iterator[None]:
    """Be patient with the watcher before, which may be on its way out."""
    patience = time.monotonic() + LOCK
    while not spool.lock():
        if time.monotonic() > patience:
            raise CannotWatch(
                f"{spool.folder} is watched by another watcher: stop that one, or give this one its own folder"
            )
        yield None
        time.sleep(TICK)  # nothing reports that a lock was let go


if __name__ == "__main__":
    run(watcher)
