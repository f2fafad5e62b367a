"""What flows through the graph of the campaign: frames that are dropped at a steady pace, and their results."""

import itertools
import json
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from media.watched.events import Events, What
from tests.chaos import pictures

RATE = 25.0  # frames a second
TICK = 0.1  # seconds without an event after which the observer looks whether it is to go


class Result(NamedTuple):
    """Times are those of time.monotonic()."""

    number: int
    dropped: float  # when its frame came
    seen: float
    shows: dict[str, Any]


class Flow:
    """Use it in a `with`: frames come from `start` on, until `stop`."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.folder = folder / "dropped", folder / "results"
        for place in (self.spool, self.folder):
            place.mkdir()
        self.dropped: dict[int, float] = {}  # number -> when
        self.results: list[Result] = []
        self.faults: list[str] = []
        self._over, self._enough, self._watches = threading.Event(), threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._drop), threading.Thread(target=self._watch)]

    def __enter__(self) -> "Flow":
        self._threads[1].start()
        self._watches.wait()
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._over.set()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """No frame comes any more."""
        self._enough.set()
        self._threads[0].join()

    @property
    def is_drained(self) -> bool:
        """Whether no frame waits."""
        return not any(self.spool.glob("*.png")) and not any((self.spool / ".taken").glob("*.png"))

    def gap(self, since: float, until: float) -> float:
        """The longest time without a result between the two moments."""
        times = [since, *(result.seen for result in self.results if since < result.seen < until), until]
        return max(after - before for before, after in itertools.pairwise(times))

    def _drop(self) -> None:
        begun = time.monotonic()
        for number in itertools.count():
            if self._enough.wait(max(0.0, begun + number / RATE - time.monotonic())):
                return
            name = f"frame-{number:08d}.png"
            pictures.draw(1, number).save(self.spool / f".{name}")
            self.dropped[number] = time.monotonic()
            (self.spool / f".{name}").rename(self.spool / name)

    def _watch(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        events = Events()
        events.watch(folder, "")
        self._watches.set()
        seen = set[str]()
        while not self._over.is_set():
            events.wait(TICK)
            for event in events.read():
                if event.what is What.WRITTEN and not event.name.startswith(".") and event.name not in seen:
                    seen.add(event.name)
                    self._note(self.folder / event.name)
        events.close()
        os.close(folder)

    def _note(self, file: Path) -> None:
        shows = json.loads(file.read_text())
        number = shows.pop("number")
        if number is None or file.name != f"frame-{number:08d}.png.json":
            self.faults.append(f"{file.name} shows {number}")
        else:
            self.results.append(Result(number, self.dropped[number], time.monotonic(), shows))
