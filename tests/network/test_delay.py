"""A delay is what it says, keeps the order, loses nothing and leaves room for 100 Mbit/s."""

import pytest

from tests.network.faults import cut, delayed, lossy, slow
from tests.network.hosts import Host
from tests.network.talk import connection, datagrams, gets_through, round_trip, throughput

SLACK = 0.3  # seconds by which a busy machine may be late
SENT = 2000  # datagrams

Pair = tuple[Host, Host]


@pytest.mark.parametrize("which", [0, 1])
def test_each_way_takes_that_much_longer(pair: Pair, which: int) -> None:
    with connection(*pair) as ends:
        with delayed(pair[which], 0.1):
            assert 0.2 <= min(round_trip(*ends) for _ in range(3)) < 0.2 + SLACK

        assert min(round_trip(*ends) for _ in range(3)) < 0.05


def test_a_jitter_is_give_or_take(pair: Pair) -> None:
    with delayed(pair[0], 0.05, jitter=0.04), connection(*pair) as ends:
        times = [round_trip(*ends) for _ in range(20)]

    assert 0.02 <= min(times) < 0.1
    assert 0.1 < max(times) < 0.18 + SLACK


def test_order_is_kept_and_nothing_is_lost(pair: Pair) -> None:
    robot, station = pair
    with delayed(robot, 0.1, jitter=0.1):
        assert datagrams(robot, station, 100, patience=1) == [*range(100)]


def test_what_is_under_way_arrives_when_the_delay_is_over(pair: Pair) -> None:
    with connection(*pair, patience=0.2) as (near, far):
        with delayed(pair[0], 60):
            assert not gets_through(near, far)

        far.settimeout(10)
        assert far.recv(1) == b"x"


def test_a_link_of_100_mbit_with_20_ms_is_used(pair: Pair) -> None:
    robot, station = pair
    with slow(robot, "100mbit"), delayed(robot, 0.02):
        for way in ((robot, station), (station, robot)):
            with connection(*way) as ends:
                assert 40 < throughput(*ends, seconds=1.5) < 100


def test_a_delayed_link_can_be_cut_and_lossy(pair: Pair) -> None:
    robot, station = pair
    with delayed(robot, 0.02):
        with lossy(robot, 0.2):
            assert abs(len(datagrams(robot, station, SENT)) / SENT - 0.8) < 0.06
        with connection(*pair, patience=0.5) as (near, far), cut(*pair):
            assert not gets_through(near, far)
