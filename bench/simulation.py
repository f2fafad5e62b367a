"""A wire with many replicas, simulated: one pusher, so many pullers that work, and one that counts what they made.

The rules are those of bus/push.py and bus/puller.py: credit and window of each puller, the least busy first, what was
lost goes out again before all else, and what may be deadly goes to one that has nothing else. Nothing is sent: see
bench/dispatch.py for how near it comes to real runs.
"""

import math
import random
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.events import Clock, Cores, Process
from bench.givers import Giver
from bench.quantiles import quantile
from bus.hub import SIDE

STALLED = 600.0  # seconds without a result after which none will come


class Costs(NamedTuple):
    """Seconds of CPU: of a process that wakes up, of each thing that it hears or says, and what else takes time."""

    pusher: tuple[float, float]
    replica: float  # of one message, all that is done for it
    counter: tuple[float, float]
    standing: float  # cores that a replica takes without any message
    birth: float  # of a replica that starts
    absent: float  # seconds from the death of a replica until its next life works
    noticed: float = 0.002  # seconds until its death is seen
    redial: float = 0.1  # seconds until a link that was reset is there again: RECONNECT_IVL of tcp


class Plan(NamedTuple):
    """What is simulated. Times are in seconds; what never happens happens after an infinite time."""

    replicas: int
    frames: int
    times: Sequence[float]  # for which a replica keeps a message; one of them is drawn for each
    costs: Costs
    rate: float = 0.0  # frames a second; 0: as many as go
    cores: float = math.inf  # that all share; infinite: each process has one of its own
    latency: float = 0.0  # of each link, one way
    death: float = math.inf  # between two deaths of one replica, on average
    reset: float = math.inf  # between two resets of one link, on average
    calm: float = math.inf  # results after which nothing fails any more
    seed: int = 7


class Outcome(NamedTuple):
    arrivals: list[float]  # when each result came, those that came twice included
    ages: list[float]  # how old each was then, in order of size
    done: int
    dead: int  # letters
    twice: int  # results that came again
    deaths: int
    resets: int
    busy: float  # part of the time in which replicas worked
    cores: float  # that were used, on average, without what stands idle

    def rate(self, warm: int, last: int) -> float:
        """Results a second, from one to another."""
        return (last - warm) / (self.arrivals[last - 1] - self.arrivals[warm - 1])

    def age(self, q: float) -> float:
        return quantile(self.ages, q)


def simulate(plan: Plan) -> Outcome:
    """Let it run until all is done. Raises AssertionError if something was done never, or counted twice."""
    return Simulation(plan).run()


class Simulation:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.clock, self.random = plan, Clock(), random.Random(plan.seed)
        self.cores = Cores(self.clock, plan.cores, plan.replicas * plan.costs.standing)
        self.giver = Giver(self)
        self.pusher = Process(self.cores, *plan.costs.pusher, self.giver.act)
        self.counter = Process(self.cores, *plan.costs.counter, self._count)
        self.replicas = [Replica(self, seat) for seat in range(plan.replicas)]
        self.arrivals: list[float] = []
        self.ages: list[float] = []
        self.came: set[int] = set()
        self.deaths = self.resets = 0

    def run(self) -> Outcome:
        plan, giver = self.plan, self.giver
        for replica in self.replicas:
            replica.connect()
            self.clock.after(self.soon(plan.death), replica.die)
            self.clock.after(self.soon(plan.reset), replica.lose_link)
        self.clock.run(lambda: giver.left > 0 and self.clock.now < (self.arrivals or [0.0])[-1] + STALLED)
        assert giver.done + giver.dead == plan.frames and not giver.unfinished, "the books do not balance"
        assert len(self.came) >= giver.done, "something is done that never came"
        worked = sum(replica.worked for replica in self.replicas)
        return Outcome(
            self.arrivals, sorted(self.ages), giver.done, giver.dead, len(self.arrivals) - len(self.came), self.deaths,
            self.resets, worked / plan.replicas / self.clock.now, self.cores.used / self.clock.now,
        )  # fmt: skip

    @property
    def is_calm(self) -> bool:
        return len(self.arrivals) >= self.plan.calm

    def soon(self, mean: float) -> float:
        """A time that is exponentially distributed."""
        return self.random.expovariate(1 / mean) if mean < math.inf else math.inf

    def _count(self, things: list[Any]) -> int:
        for replica, life, n in things:
            self.arrivals.append(self.clock.now)
            self.ages.append(self.clock.now - self.giver.born[n])
            self.came.add(n)
            self.clock.after(self.plan.latency, replica.acknowledged, life, n)
        return 0


class Replica:
    """It has one message in hand at a time; the others wait in its queue."""

    def __init__(self, world: Simulation, seat: int) -> None:
        self._world, self._seat = world, seat
        self._life = self._link = 0
        self.is_connected = self.is_alive = False
        self._hand: int | None = None
        self._asleep_since = math.nan
        self.worked = 0.0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._queue: deque[int] = deque()
        self._held: set[int] = set()
        self.finished: set[int] = set()

    def connect(self, hand: int | None = None) -> None:
        """Say the first word over a link: what the last life had in hand, and who is there."""
        self.is_connected = self.is_alive = True
        self._tell("up", (self._life, hand))

    def arrive(self, link: int, n: int) -> None:
        if not self.is_connected or link != self._link:
            return  # lost on the way
        if n in self.finished:
            self._tell("done", n)
        elif n != self._hand and n not in self._held and n not in self._queue:
            self._queue.append(n)
            self._next()

    def acknowledged(self, life: int, n: int) -> None:
        """The counter has it. While user code is at work the side thread hears of that at its next look."""
        if life == self._life and self.is_alive:
            self._held.discard(n)
            self.finished.add(n)
            wait = self._world.random.uniform(0, SIDE) if self._hand is not None else 0.0
            self._world.clock.after(wait, self._tell, "done", n)

    @property
    def link(self) -> int:
        return self._link

    # ---- at work

    def _next(self) -> None:
        if self._hand is None and self._queue:
            self._hand = self._queue.popleft()
            self._use(self._sleep)

    def _sleep(self, life: int) -> None:
        if life == self._life:
            seconds = self._world.random.choice(self._world.plan.times)
            self._world.clock.after(seconds, self._wake, life, seconds)

    def _wake(self, life: int, seconds: float) -> None:
        if life == self._life:
            self.worked += seconds
            self._use(self._finish)

    def _finish(self, life: int) -> None:
        if life != self._life or self._hand is None:
            return
        n, self._hand = self._hand, None
        self._held.add(n)
        self._world.clock.after(self._world.plan.latency, self._world.counter.hear, (self, life, n))
        self._tell("released", n)
        self._next()

    def _use(self, then: Any) -> None:
        life = self._life
        self._world.cores.use(self._world.plan.costs.replica / 2, lambda: then(life))

    def _tell(self, what: str, value: Any) -> None:
        if self.is_connected:
            self._world.clock.after(self._world.plan.latency, self._world.pusher.hear, (what, self._seat, value))

    # ---- what goes wrong

    def die(self) -> None:
        world, costs = self._world, self._world.plan.costs
        if world.is_calm:
            return
        world.deaths += 1
        hand, self._hand = self._hand, None
        self._life, self._link, self.is_connected, self.is_alive = self._life + 1, self._link + 1, False, False
        self._begin_anew()
        world.clock.after(costs.noticed, world.pusher.hear, ("gone", self._seat, None))
        world.cores.use(costs.birth, lambda: None)
        world.clock.after(costs.absent, self.connect, hand)
        world.clock.after(costs.absent + world.soon(world.plan.death), self.die)

    def lose_link(self) -> None:
        world, costs = self._world, self._world.plan.costs
        if world.is_calm:
            return
        world.clock.after(world.soon(world.plan.reset), self.lose_link)
        if self.is_connected:
            world.resets += 1
            self._link, self.is_connected = self._link + 1, False
            world.clock.after(costs.noticed, world.pusher.hear, ("gone", self._seat, None))
            world.clock.after(costs.redial, self._reconnect, self._life)

    def _reconnect(self, life: int) -> None:
        if life == self._life:
            self.connect()
