"""What the campaign does to the network between its two hosts, and to a whole host: each outage is a few lines.

An outage takes both sides and gives a block, in which it lasts: entered when it begins, left when all is well again.
To add one, write it here.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from tests.chaos.sides import Side
from tests.network import faults
from tests.network.hosts import Host

CUTS = 1.0, 30.0, 300.0  # seconds that a cut lasts
OTHERS = 2.0, 12.0  # seconds that all else lasts, at least and at most
LOSS, RATE, DELAY, JITTER = 0.2, "1mbit", 0.1, 0.05  # the last two in seconds, each way

Block = Callable[[Side, Side], AbstractContextManager[object]]


class Outage(NamedTuple):
    name: str
    block: Block


OUTAGES: list[Outage] = []


def outage(block: Block) -> Block:
    """Make a function one of the campaign's outages."""
    OUTAGES.append(Outage(block.__name__.replace("_", " "), block))
    return block


@outage
def cut(robot: Side, station: Side) -> AbstractContextManager[object]:
    """Nothing gets through, and nobody is told."""
    return faults.cut(_host(robot), _host(station))


@outage
def cut_from_robot(robot: Side, station: Side) -> AbstractContextManager[object]:
    return faults.cut_one_way(_host(robot), _host(station))


@outage
def cut_from_station(robot: Side, station: Side) -> AbstractContextManager[object]:
    return faults.cut_one_way(_host(station), _host(robot))


@outage
def refused(robot: Side, station: Side) -> AbstractContextManager[object]:
    """A firewall answers each packet with a reset."""
    return faults.refused(_host(robot), _host(station))


@outage
@contextmanager
def reset(robot: Side, station: Side) -> Iterator[None]:
    """All connections are reset as it begins, and those that were made meanwhile as it ends."""
    faults.reset(_host(robot), _host(station))
    yield
    faults.reset(_host(robot), _host(station))


@outage
def lossy(robot: Side, station: Side) -> AbstractContextManager[object]:
    return faults.lossy(_host(robot), LOSS)


@outage
def slow(robot: Side, station: Side) -> AbstractContextManager[object]:
    return faults.slow(_host(robot), RATE)


@outage
def delayed(robot: Side, station: Side) -> AbstractContextManager[object]:
    return faults.delayed(_host(robot), DELAY, JITTER)


@outage
@contextmanager
def moved(robot: Side, station: Side) -> Iterator[None]:
    """The robot is cut off, and comes back under another address."""
    with faults.cut(_host(robot), _host(station)):
        yield
    _host(robot).change_address()


@outage
@contextmanager
def reboot_of_robot(robot: Side, station: Side) -> Iterator[None]:
    """All that runs there is gone at once; the launcher is started when the host is there again."""
    robot.crash()
    try:
        yield
    finally:
        robot.is_off = False


@outage
@contextmanager
def reboot_of_station(robot: Side, station: Side) -> Iterator[None]:
    station.crash()
    try:
        yield
    finally:
        station.is_off = False


def _host(side: Side) -> Host:
    assert side.host
    return side.host
