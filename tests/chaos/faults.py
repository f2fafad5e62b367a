"""What the campaign does to a process: each fault is a function of a few lines. To add one, write it here.

A fault takes its victim and the campaign's random numbers, and returns when it is over.
"""

import random
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.victims import Victim

Deed = Callable[[Victim, random.Random], None]

PAUSE = 1.0, 10.0  # seconds that a process is stopped, at least and at most


class Fault(NamedTuple):
    name: str
    strike: Deed


KILLS: list[Fault] = []  # what `--kills` counts
OTHERS: list[Fault] = []  # what comes on top


def fault(to: list[Fault]) -> Callable[[Deed], Deed]:
    """Make a function one of the campaign's faults."""

    def added(deed: Deed) -> Deed:
        to.append(Fault(deed.__name__, deed))
        return deed

    return added


@fault(KILLS)
def kill(victim: Victim, rng: random.Random) -> None:
    """kill -9."""
    victim.send(signal.SIGKILL)


@fault(OTHERS)
def stop(victim: Victim, rng: random.Random) -> None:
    """Stopped, and continued after 1 to 10 s: a process that hangs, a virtual machine that is moved."""
    victim.send(signal.SIGSTOP)
    time.sleep(rng.uniform(*PAUSE))
    victim.send(signal.SIGCONT)


@fault(OTHERS)
def restart(victim: Victim, rng: random.Random) -> None:
    """Asked to leave, as by somebody who updates it; whoever supervises it starts it again."""
    victim.send(signal.SIGTERM)
