"""Watch a folder: claim each file that is ready in it, send it on, see it off when all downstream is through."""

import stat
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from bus import SUFFIXES, Message, Stopped, arrived, backlog, closed, run, step, wait
from media.storage.mounts import Mounted
from media.watched.arrivals import Arrivals
from media.watched.claims import NotReady, Taken
from media.watched.events import CannotWatch
from media.watched.places import TAKEN
from media.watched.spool import NotYet, Spool
from media.watched.streams import LARGEST, MOST, Streams
from media.watched.waited import note_waiting

IMAGES = ",".join(f"*{suffix}" for suffix in SUFFIXES)
TICK = 0.2  # seconds without an event after which the watcher looks up; the bus wants to be asked every 0.5 s
FIRST = 0.02  # the same, for the first BEGIN seconds or until the splitter has said what it opened: it waits for that
BEGIN = 5.0
ASK = 0.02  # seconds between two looks at what the splitter says, while files flow
RETRY = 0.5  # seconds until a folder whose disk failed is tried again
LOCK = 10.0  # seconds that a new watcher gives the last one to let go of the folder


class FolderGone(Exception):
    """The watched folder was removed or moved away, or another one has its name."""


def watcher(
    streams: Iterable[Message] | None = None,
    *,
    folder: str,
    pattern: str = IMAGES,
    then: str = "delete",
    still: float = 0.0,
) -> Iterator[Message | None]:
    """One message for each file that matches `pattern`, whoever wrote it, as soon as no writer has it open.

    With `streams`, from a splitter, it ends with its input; without, it watches for ever. What can never be done is
    moved to `dead-letters/` in the folder, with the reason beside it.

    folder: what is watched, with its subfolders; hidden ones and dead-letters are left out
    pattern: names that are taken, as globs with commas between them
    then: what becomes of a file when all is done with it: delete, or keep (it moves to .done/ in the folder)
    still: seconds without a change before a file is taken, for writers that open their files again
    """
    told: deque[Message] = deque(maxlen=MOST)  # by the splitter: what a folder keeps of it goes with the folder
    try:
        place, open_spool = Path(folder).absolute(), partial(Spool, folder, then, still)
        mounted = Mounted(place)
        while (yield from _watch_until_it_goes(streams, open_spool, pattern, told)):
            print(f"{place} was removed, moved away or replaced: goes on as soon as it is there")
            if not (yield from _comes_back(place, mounted, streams, told)):
                print(f"{place} is not there, so nothing waits in it, and its splitters have ended: ends too")
                return
    except CannotWatch as error:
        print(error)
        raise SystemExit(error.code) from None


def _watch_until_it_goes(
    streams: Iterable[Message] | None, open_spool: Callable[[], Spool], pattern: str, told: deque[Message]
) -> Generator[Message | None, None, bool]:
    """Whether the folder has gone; if not, the input has ended, and all is done. Waits while its disk fails."""
    said = ""
    while True:
        try:
            with closing(open_spool()) as spool, closing(Arrivals(spool.folder, pattern)) as arrivals:
                yield from _wait_for_lock(spool)
                return (yield from _goes(spool, _watch(streams, spool, arrivals, told)))
        except NotYet as trouble:
            if str(trouble) != said:
                said = str(trouble)
                print(f"{said}; tries again until it works")
            yield None
            wait(said, RETRY)


def _goes(spool: Spool, watching: Iterator[Message | None]) -> Generator[Message | None, None, bool]:
    """Whether the folder went while it was watched."""
    try:
        yield from watching
    except FolderGone:
        backlog(0)  # what waited went with it
        return True
    except FileNotFoundError:
        if spool.is_there:
            raise
        return True
    return False


def _watch(
    streams: Iterable[Message] | None, spool: Spool, arrivals: Arrivals, told: deque[Message]
) -> Iterator[Message | None]:
    """Raises FolderGone, or FileNotFoundError where it is noticed first that the folder has gone."""
    known = Streams(spool.folder)
    known.learn(told)
    if streams is not None:
        note_waiting(spool.folder)
    if leftovers := spool.leftovers():
        place = spool.folder / TAKEN
        print(f"{len(leftovers)} frames that were taken before, and are not finished, come first: {place}")
    arrivals.scan()
    print(f"watches {spool.folder}: {arrivals.waiting} waiting")
    for left, taken in zip(reversed(range(len(leftovers))), leftovers, strict=True):
        _tell(arrivals, left)
        yield _message(taken, known, spool)

    ending, ready, asked = False, None, 0.0
    begun = time.monotonic() + BEGIN if streams is not None else 0.0
    try:
        while not ending or arrivals.waiting or spool.held:
            for taken in spool.returned():
                yield _message(taken, known, spool)
            ready = _next(arrivals, spool, TICK if told or time.monotonic() > begun else FIRST)
            _tell(arrivals)
            if streams is not None and (not ready or time.monotonic() - asked > ASK):
                asked = time.monotonic()
                known.keep()
                if known.kept:  # only then the last that was told is acknowledged: when the next is asked for
                    for opened in _ours(arrived(streams), spool.folder):
                        told.append(opened)
                        known.learn([opened])
                        if not known.kept:
                            break
                if not closed(streams):
                    ending = False
                elif not ending:
                    ending = True
                    with step("scan"):
                        arrivals.scan()  # what was there when the splitter ended, whatever became of its event
            yield _message(ready, known, spool) if ready else None
    except (GeneratorExit, Stopped):  # say what is left for the next start
        arrivals.scan()
        backlog(arrivals.waiting + (ready is not None))
        raise


def _tell(arrivals: Arrivals, others: int = 0) -> None:
    """Say what waits behind the one that goes out now, with `others`."""
    backlog(others + arrivals.waiting, lambda: others + arrivals.look())


def _ours(opened: Iterable[Message], watched: Path) -> Iterator[Message]:
    """What the splitter opened, which must go into this folder: else its frames would wait for ever."""
    for message in opened:
        folder = Path(message.data.pop("folder", watched))
        if folder != watched.resolve():
            raise CannotWatch(f"the splitter writes into {folder}, but {watched} is watched: give both one folder", 2)
        yield message


def _next(arrivals: Arrivals, spool: Spool, tick: float) -> Taken | None:
    """The next file that can be claimed; None if there is none within `tick` seconds. Raises FolderGone."""
    candidate, ready = arrivals.next(tick), None
    if not candidate:
        spool.rest()
    else:
        try:
            ready = spool.take(*candidate)
        except NotReady:
            arrivals.later(*candidate)
    if not spool.is_there:  # asked last: what was claimed must have been ours
        raise FolderGone
    return ready


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


def _comes_back(
    place: Path, mounted: Mounted, streams: Iterable[Message] | None, told: deque[Message]
) -> Generator[None, None, bool]:
    """Wait until the folder is there again; False if it was removed, and nobody is left who might write into it."""
    while True:
        try:
            mounted.check()
            if stat.S_ISDIR(place.stat().st_mode):
                return True
            is_removed = True
        except FileNotFoundError:
            is_removed = True
        except OSError:  # its disk is away, or nobody may look there: frames may wait in it
            is_removed = False
        if streams is not None:
            told.extend(_ours(arrived(streams), place))
            if closed(streams) and is_removed:
                return False
        yield None
        wait(f"waits for {place}", TICK)


if __name__ == "__main__":
    run(watcher)
