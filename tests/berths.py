"""An actor of a pool without Ray: a plain object, and what it tells."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host.pool import folder
from host.pool.actor import Actor

RUN_ID = f"{os.getpid():012x}"  # of this process of those that run tests
REPLICA = "filter.1"
MACHINE = "machine1"
PAST: dict[str, Any] = {"books": None, "mark": None, "death": None, "hand": b"", "is_whole": False}
PAST |= {"telling": 0, "ended": []}


class Berth:
    """One actor, and all news that it has told."""

    def __init__(self, graph: Path, machine: str = MACHINE) -> None:
        """`graph`: the folder in which nodes run."""
        self.graph, self.machine = graph, machine
        self.actor = Actor(RUN_ID, REPLICA, machine, "10.0.0.9")
        self.told: list[tuple[str, Any]] = []
        self._heard, self._lives = 0, 0

    @property
    def run(self) -> Path:
        return folder.where(RUN_ID, REPLICA, self.machine)

    def begin(self, *argv: str, past: dict[str, Any] | None = None, **order: Any) -> None:
        """A life of a program; a Python script where the first word ends so."""
        self._lives += 1
        words = [sys.executable, *argv] if argv[0].endswith(".py") else [*argv]
        given = {"replica": REPLICA, "pool": "pool", "argv": words, "is_module": argv[0] == "-m"}
        given |= {"folder": str(self.graph), **order}
        self.actor.begin(self._lives, given, {**PAST, **(past or {})}, str(self.graph))

    def hear(self) -> None:
        _, news = self.actor.hear(self._heard)
        self.told += [(kind, value) for _, kind, value in news]
        self._heard = news[-1][0] if news else self._heard

    def hears(self, kind: str, seconds: float = 30.0) -> Any:
        """What the last news of this kind say, of the life that was begun last."""
        deadline = time.monotonic() + seconds
        while not (found := [value for one, value in self._of_this_life() if one == kind]):
            assert time.monotonic() < deadline, f"no {kind}: {self.told}"
            self.hear()
        return found[-1]

    def _of_this_life(self) -> list[tuple[str, Any]]:
        start = ("started", self._lives)
        return self.told[self.told.index(start) :] if start in self.told else []

    @property
    def lines(self) -> list[str]:
        return [value for kind, value in self.told if kind == "line"]


@contextmanager
def berth(graph: Path, machine: str = MACHINE) -> Iterator[Berth]:
    made = Berth(graph, machine)
    try:
        yield made
    finally:
        made.actor.close()
