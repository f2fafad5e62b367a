"""Edit after edit while frames flow, with kills in between; and what came of each."""

import json
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.chaos.victims import LAUNCHER, victims
from tests.conftest import until
from tests.edits import model as models
from tests.edits.model import Model
from tests.edits.saving import save
from tests.edits.stage import PATIENCE, Stage

BROKEN = ("pull: to_keeper", "pull: to_keper"), ("run: keeper", "run: keper"), ("wires:\n", "wires: [\n")
BROKEN_EACH, TWICE_EACH, KILLS_EACH, LAUNCHER_EACH = 0.1, 0.1, 0.3, 0.04  # the parts of the edits
CALM = 0.3  # seconds of flow between two edits
REFUSED = re.compile("the change is refused")


@dataclass
class Epoch:
    """A model, and from when to when it may have been current, by time.monotonic."""

    model: Model
    begun: float
    ended: float = float("inf")


@dataclass
class Deed:
    """One edit."""

    words: str
    gap: float  # the longest time without a result from its save on, in seconds
    struck: list[str] = field(default_factory=list)


class Campaign:
    """Runs it in `folder`. Raises AssertionError if the graph hangs."""

    def __init__(self, folder: Path, edits: int, seed: int, say: Callable[[str], None]) -> None:
        self._count, self._say, self._rng = edits, say, random.Random(seed)
        self.model = Model()
        self.stage, self.flow = (stage := Stage(folder, self.model)), stage.flow
        self.epochs = [Epoch(self.model, 0.0)]
        self.deeds: list[Deed] = []
        self.last_words = ""

    def run(self) -> None:
        with self.stage:
            self.stage.start()
            self.stage.await_force(self.model)
            for count in range(1, self._count + 1):
                self._edit(count)
            self.last_words = self.stage.finish()

    def _edit(self, count: int) -> None:
        rng = self._rng
        if rng.random() < BROKEN_EACH:
            self._break(rng)
        words, made = models.edit(self.model, count, rng)
        began = time.monotonic()
        if rng.random() < TWICE_EACH:  # before that one is through
            self._take(made, rng)
            time.sleep(rng.uniform(0, 1))
            more, made = models.edit(made, 1000 + count, rng)
            words = f"{words}, {more}"
        way = self._take(made, rng)
        deed = Deed(f"{words}, {way}", 0.0)
        if rng.random() < KILLS_EACH:
            self._strike(deed, rng)
        self.stage.await_force(made)
        for epoch in self.epochs[:-1]:
            epoch.ended = min(epoch.ended, time.monotonic())
        deed.gap = self.flow.gap(began, time.monotonic())
        self.deeds.append(deed)
        self._say(f"{count:4} {deed.gap:5.2f} s  {deed.words}{'; struck ' * bool(deed.struck)}{', '.join(deed.struck)}")
        time.sleep(CALM)

    def _take(self, made: Model, rng: random.Random) -> str:
        self.model = made
        self.epochs.append(Epoch(made, time.monotonic()))
        return save(self.stage.file, made.yaml(), rng)

    def _break(self, rng: random.Random) -> None:
        """Save what `check` refuses, and undo it."""
        before, bad = len(self.stage.launch.output), rng.choice(BROKEN)
        text = self.model.yaml()
        broken = text.replace(*bad)
        assert broken != text
        save(self.stage.file, broken, rng)
        until(lambda: REFUSED.search(self.stage.launch.output[before:]), PATIENCE, "a refusal")
        save(self.stage.file, text, rng)
        self.stage.await_force(self.model)

    def _strike(self, deed: Deed, rng: random.Random) -> None:
        """Kill somebody, at a random moment of the change."""
        time.sleep(rng.uniform(0, 1.5))
        found = [one for one in victims(self.stage.launch.process.pid) if one.name.rpartition(".")[2].isdecimal()]
        if rng.random() < LAUNCHER_EACH / KILLS_EACH or not found:
            deed.struck.append(LAUNCHER)
            self.stage.launch.process.kill()
            self.stage.launch.process.wait()
            self.stage.start()
            return
        victim = rng.choice(found)
        victim.send(signal.SIGKILL)
        deed.struck.append(victim.name)

    # ---- the verdict

    @property
    def median_gap(self) -> float:
        """Of the edits without a kill, in seconds."""
        return median(deed.gap for deed in self.deeds if not deed.struck) if self.deeds else 0.0

    def wrongs(self) -> Iterator[str]:
        """Everything that should not be."""
        yield from self.flow.faults
        there = {file.name: file for file in self.flow.folder.iterdir() if not file.name.startswith(".")}
        names = {f"frame-{number:08d}.png.json": number for number in self.flow.dropped}
        yield from (f"{name} is missing" for name in sorted(names.keys() - there.keys()))
        yield from (f"{name} is of no frame" for name in sorted(there.keys() - names.keys()))
        yield from (f"{path} is a dead letter" for path in self.stage.folder.rglob("dead-letters/*.png"))
        shift = time.time() - time.monotonic()
        for name in sorted(names.keys() & there.keys()):
            shows: dict[str, Any] = json.loads(there[name].read_text())
            number = shows.pop("number")
            written = there[name].stat().st_mtime - shift
            if number != names[name]:
                yield f"{name} shows {number}"
            elif wrong := self.strange(shows, self.flow.dropped[number], written):
                yield f"{name}: {wrong} was not current while it was on its way"
        if found := re.search(r"lost [^0]\d*|waiting [^0]\d*", self.last_words):
            yield f"the books do not balance: {found[0]}"

    def strange(self, shows: dict[str, Any], dropped: float, written: float) -> str:
        """What no graph that was current between the two moments makes of a frame."""
        current = [epoch for epoch in self.epochs if epoch.begun <= written + 0.1 and epoch.ended >= dropped]
        for key in ("filter", *models.PLACES):
            allowed = [epoch.model.shows[key] for epoch in current]
            if shows.get(key) not in allowed:
                return f"{key} {shows.get(key)}, of {allowed},"
        return ""
