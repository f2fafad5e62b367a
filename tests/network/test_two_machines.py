"""A graph over two machines, and a network between them as networks are: nothing is lost, and it goes on by itself."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import until
from tests.launch import Launch
from tests.network.faults import cut, cut_one_way, delayed, lossy, refused, reset, slow
from tests.network.hosts import Host
from tests.two_hosts import TwoHosts

PORT = 5560
FRAMES = 120
LONG = 3.0  # seconds: longer than a wire waits for a sign of life
BACK = 6.0  # seconds from the end of a fault to the next result
FOUND = 15.0  # … where a connection is open and dead, because the address that it had is gone

Pair = tuple[Host, Host]


@pytest.fixture
def two(tmp_path: Path, pair: Pair) -> TwoHosts:
    return TwoHosts(tmp_path, PORT, pair[1].address, FRAMES)


class Running:
    """A launcher on each machine."""

    def __init__(self, two: TwoHosts, pair: Pair) -> None:
        self.two = two
        self.robot, self.station = pair
        self._stack = ExitStack()

    def start(self, name: str) -> Launch:
        host = self.robot if name == "robot" else self.station
        folder = self.two.robot if name == "robot" else self.two.station
        return self._stack.enter_context(Launch(folder, f"--host={name}", under=host.command([])))

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def goes_on(self, seconds: float) -> None:
        """Wait for a result more, if there is one to come."""
        wanted = min(len(self.two.results) + 1, self.two.frames)
        until(lambda: len(self.two.results) >= wanted, seconds, "one more result")

    def end(self, *launches: Launch) -> None:
        """Wait for the end, and see that nothing is lost."""
        for one in launches:
            assert one.ends(60) == 0, "".join(launch.output for launch in launches)
        assert self.two.results == self.two.expected
        assert self.two.left == []


@contextmanager
def reset_often(robot: Host, station: Host) -> Iterator[None]:
    for _ in range(10):
        reset(robot, station)
        time.sleep(0.05)  # connections come about, and go again
    yield


@contextmanager
def moved(robot: Host) -> Iterator[None]:
    robot.change_address()
    yield


def fault(name: str, robot: Host, station: Host) -> AbstractContextManager[None]:
    return {
        "cut": partial(cut, robot, station),
        "cut from robot to station": partial(cut_one_way, robot, station),
        "cut from station to robot": partial(cut_one_way, station, robot),
        "refused": partial(refused, robot, station),
        "reset often": partial(reset_often, robot, station),
        "20 % lost": partial(lossy, robot, 0.2),
        "1 Mbit/s": partial(slow, robot, "1mbit"),
        "at another address": partial(moved, robot),
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "cut", "cut from robot to station", "cut from station to robot", "refused", "reset often", "20 % lost",
        "1 Mbit/s", "at another address",
    ],
)  # fmt: skip
def test_a_graph_over_two_machines_goes_on_by_itself_and_loses_nothing_although_the_network_is(
    two: TwoHosts, pair: Pair, name: str
) -> None:
    with Running(two, pair) as running:
        station, robot = running.start("station"), running.start("robot")
        until(lambda: len(two.results) > 5, 30, "the first results")
        with fault(name, *pair):
            time.sleep(LONG)  # as long as the fault lasts
        running.goes_on(FOUND if name == "at another address" else BACK)
        running.end(robot, station)


def test_frames_cross_a_network_with_200_ms_of_delay_and_100_of_jitter(two: TwoHosts, pair: Pair) -> None:
    with delayed(pair[0], 0.1, jitter=0.05), Running(two, pair) as running:  # each way
        running.end(running.start("robot"), running.start("station"))


def test_a_cut_at_the_end_of_the_stream_delays_the_end_on_both_machines(two: TwoHosts, pair: Pair) -> None:
    with Running(two, pair) as running:
        station, robot = running.start("station"), running.start("robot")
        until(lambda: len(two.results) > 5, 30, "the first results")
        with cut(*pair):
            robot.says("splitter +\\| ended", 30)
            time.sleep(LONG)
            assert robot.process.poll() is station.process.poll() is None
        running.end(robot, station)


def test_a_machine_that_appears_late_and_one_that_reboots_are_waited_for(two: TwoHosts, pair: Pair) -> None:
    with Running(two, pair) as running:
        robot = running.start("robot")
        robot.says("splitter +\\| ended", 30)
        station = running.start("station")
        until(lambda: len(two.results) > 5, 30, "the first results")
        station.process.kill()
        station.process.wait()
        running.end(robot, running.start("station"))
