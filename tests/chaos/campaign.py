"""The campaign itself: when to strike whom, with what, and what came of it."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.chaos.audit import Audit, Standing
from tests.chaos.faults import KILLS, OTHERS, Fault
from tests.chaos.network import Network
from tests.chaos.scene import Scene
from tests.chaos.sides import Side
from tests.chaos.victims import Victim

LOOK = 0.05  # seconds between two looks at the processes and the results
SAMPLE = 1.0  # seconds between two looks at what each process holds
PATIENCE = 60.0  # seconds without a result after which the graph counts as hanging
GONE = 10.0  # seconds without a result, and without a frame to come, after which who has ended is started once more
RETURN = 10.0  # seconds in which a victim comes back, unless it had ended
OTHERS_EACH = 8  # kills for one of each other fault
AT_START_UP = 0.15  # the part of the faults that hit the next life of the last victim as it starts …
START_UP = 0.5  # … in its first so many seconds
AT_THE_END = 0.1  # the part of the faults that are kept for the end …
LAST = 6  # … for each of them so many of the last results


@dataclass
class Strike:
    """One fault, and what came of it. Times in seconds."""

    at: float  # since the start of the campaign
    fault: str
    victim: str
    moment: str  # mid-stream, start-up, outage or end
    before: Standing
    after: Standing | None = None
    resumed: float = 0.0  # the longest time without a result, from the fault on until the victim was back at work
    is_mixed: bool = False  # there was an outage meanwhile


class Sample(NamedTuple):
    """What one process held at a time."""

    at: float  # seconds since the start of the campaign
    pid: int
    memory: int  # resident bytes
    peak: int  # resident bytes, the most so far
    descriptors: int


class Campaign:
    """Runs the graph of a scene to its end, and does what it can against that."""

    def __init__(
        self,
        scene: Scene,
        audit: Audit,
        kills: int,
        seed: int,
        spared: Collection[str],
        say: Callable[[str], None],
        network: Network | None = None,
    ) -> None:
        """`spared`: names of victims that nothing is done to; `network`: between the hosts, if there are two."""
        self.strikes: list[Strike] = []
        self.samples: defaultdict[str, list[Sample]] = defaultdict(list)  # by the victim's name
        self.called_back: list[str] = []  # hosts whose launcher had ended when the other one began again
        self.network = network or Network([], 0, 0, 0, seed)
        self._scene, self._audit, self._spared, self._say = scene, audit, spared, say
        self._rng = random.Random(seed)
        self._plan = self._planned(kills)
        self.planned = len(self._plan)  # faults
        self._struck: Victim | None = None  # the last victim, until it is back at work
        self._struck_at = self._back_at = 0.0  # by time.monotonic; 0: it is not back
        self._next_life_is_struck = False
        self._began = self._sampled_at = self._well_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start of the campaign."""
        return time.monotonic() - self._began

    @property
    def logs(self) -> list[Path]:
        """Of each life of each launcher."""
        return [log for side in self._scene.sides for log in side.logs]

    def run(self) -> None:
        """Raises AssertionError if the graph hangs, or ends as it should not."""
        with ExitStack() as stack:
            for side in self._scene.sides:
                stack.enter_context(side).start()
            stack.callback(self.network.heal)
            while sum(self._is_over(side) for side in self._scene.sides) < len(self._scene.sides):  # all are seen to
                self._look()
                time.sleep(LOOK)  # nothing tells of other people's processes
        self._note_return()

    def _planned(self, kills: int) -> list[tuple[int, Fault]]:
        """The faults, each with the number of results at which it is due, the first of them last."""
        faults = [self._rng.choice(KILLS) for _ in range(kills)]
        faults += [other for other in OTHERS for _ in range(kills // OTHERS_EACH)]
        self._rng.shuffle(faults)
        total, late = len(self._scene.expected), round(AT_THE_END * len(faults))
        self._end = end = max(1, total - LAST * late)
        due = [self._rng.randrange(end) for _ in faults[late:]] + [self._rng.randrange(end, total) for _ in range(late)]
        return sorted(zip(due, faults, strict=True), key=lambda one: -one[0])

    def _is_over(self, side: Side) -> bool:
        """Whether that host's part of the graph has ended, and not only its launcher, which is started again."""
        if side.runs or side.is_off:
            return False
        is_over = self._scene.is_over()
        may_end = side.is_struck or (side.is_done and (is_over or any(other.logs[1:] for other in self._scene.sides)))
        assert may_end, side.last_words()
        if not (is_over and side.is_done):
            side.start()
        return is_over and side.is_done

    def _look(self) -> None:
        living = {victim.name: victim for side in self._scene.sides for victim in side.victims()}
        if time.monotonic() - self._sampled_at > SAMPLE:
            self._sampled_at = time.monotonic()
            for name, one in living.items():
                self.samples[name].append(Sample(self.seconds, one.pid, one.memory, one.peak, one.descriptors))
        self.network.look(self.seconds, len(self._audit.right), self._audit.times, self._say)
        self._lose_patience()
        due = [at for at, _ in self._plan if at <= len(self._audit.right)]
        is_pressed = len(due) > 1 or any(at >= self._end for at in due)
        if self._plan and self.network.wants_strike():
            self._strike_anyone(living, "outage")
        elif self._struck and not is_pressed:
            self._await(self._struck, living)
        elif due:
            self._strike_anyone(living, "end" if self._plan[-1][0] >= self._end else "mid-stream")

    def _lose_patience(self) -> None:
        """Raises AssertionError if it has been too long since the last result, or fault."""
        now = time.monotonic()
        if self.network.is_bad:
            self._well_at = now
        waited = now - max([self._well_at, self._struck_at, *self._audit.times[-1:]])
        if waited > GONE and self._scene.is_over():
            self._call_back()
        assert waited < PATIENCE, f"no result for {PATIENCE:g} s: the graph hangs"

    def _call_back(self) -> None:
        """One host has begun again after the other had ended, and waits for it: nobody is there to say so."""
        for side in self._scene.sides:
            if not side.runs and not side.is_off and side.name not in self.called_back:
                self._say(f"{self.seconds:7.1f} s  all is done, and {side.name} has gone: starts it once more")
                self.called_back.append(side.name)
                self._well_at = time.monotonic()
                side.start()

    def _strike_anyone(self, living: dict[str, Victim], moment: str) -> None:
        names = sorted(name for name in living if not {name, name.partition(" on ")[0]} & {*self._spared})
        if names:
            self._note_return()
            self._strike(living[self._rng.choice(names)], moment)

    def _strike(self, victim: Victim, moment: str) -> None:
        _, fault = self._plan.pop()
        before = self._audit.stand()
        self.strikes.append(Strike(self.seconds, fault.name, victim.name, moment, before))
        self._struck, self._struck_at, self._back_at = victim, time.monotonic(), 0.0
        self._say(f"{self.seconds:7.1f} s  {fault.name} {victim.name}, {moment}; before: {before}")
        self.network.mix()
        for side in self._scene.sides:
            side.is_struck = side.is_struck or victim.name == side.launcher
        fault.strike(victim, self._rng)
        self._next_life_is_struck = bool(self._plan) and self._rng.random() < AT_START_UP

    def _await(self, struck: Victim, living: dict[str, Victim]) -> None:
        """Note when the victim is back, and when a result shows that all is well again."""
        now, last = time.monotonic(), self._audit.times[-1] if self._audit.times else 0.0
        victim = living.get(struck.name)
        is_new = victim is not None and victim.pid != struck.pid
        if victim and is_new and self._next_life_is_struck:
            time.sleep(self._rng.uniform(0, START_UP))
            self._note_return()
            self._strike(victim, "start-up")
        elif not self._back_at and (is_new or self._survived(victim) or now - self._struck_at > RETURN):
            self._back_at = now
        elif self._back_at and (last > self._back_at or len(self._audit.right) == len(self._scene.expected)):
            self._note_return()

    def _survived(self, victim: Victim | None) -> bool:
        return victim is not None and self.strikes[-1].fault == "stop"

    def _note_return(self) -> None:
        if not self._struck:
            return
        strike, self._struck = self.strikes[-1], None
        strike.is_mixed = self.network.bad_since(self._struck_at)
        times = [self._struck_at, *self._audit.since(self._struck_at)]
        strike.resumed = max((after - before for before, after in pairwise(times)), default=0.0)
        strike.after = self._audit.stand()
        self._say(f"{self.seconds:7.1f} s    resumed after {strike.resumed:.2f} s; now: {strike.after}")
        assert strike.after.holds, f"broken by {strike}"
