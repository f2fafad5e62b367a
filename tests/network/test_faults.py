"""Each fault does to real sockets what it says, and all is well when it is over."""

import pytest

from tests.network.faults import cut, cut_one_way, lossy, refused, reset, slow
from tests.network.hosts import Host
from tests.network.talk import PORT, connection, datagrams, gets_through, listening, round_trip, throughput

PATIENCE = 0.5  # seconds after which what has not come counts as lost
SENT = 3000  # datagrams
DEVIATION = 0.05  # of the share of them that is lost: nearly seven times what chance makes usual

Pair = tuple[Host, Host]


def test_a_cut_connection_is_dead_and_nobody_is_told(pair: Pair) -> None:
    with connection(*pair, patience=PATIENCE) as (near, far):
        with cut(*pair):
            assert not gets_through(near, far)
            assert not gets_through(far, near)
            with pair[0].tcp() as another, pytest.raises(TimeoutError):
                another.settimeout(PATIENCE)
                another.connect((pair[1].address, PORT))

        for end in (near, far):
            end.settimeout(10)
            assert end.recv(1) == b"x"  # what was sent meanwhile


def test_one_way_can_be_cut_alone(pair: Pair) -> None:
    robot, station = pair
    with cut_one_way(robot, station):
        assert datagrams(robot, station, 10) == []
        assert datagrams(station, robot, 10) == [*range(10)]

    assert datagrams(robot, station, 10) == [*range(10)]


def test_a_reset_is_seen_at_both_ends(pair: Pair) -> None:
    robot, station = pair
    with connection(*pair) as (near, far), connection(station, robot) as (second, _):
        assert reset(robot, station) == 2

        with pytest.raises(ConnectionAbortedError):
            near.recv(1)
        with pytest.raises(ConnectionResetError):
            far.recv(1)
        with pytest.raises(ConnectionResetError):
            second.recv(1)
    with connection(*pair) as ends:
        assert round_trip(*ends) < 1


def test_a_firewall_refuses_and_resets(pair: Pair) -> None:
    robot, station = pair
    with connection(*pair) as (near, far), connection(*pair) as idle, listening(station):
        with refused(*pair):
            for end in (near, far):
                end.send(b"x")
                with pytest.raises(ConnectionResetError):
                    end.recv(1)
            with robot.tcp() as another, pytest.raises(ConnectionRefusedError):
                another.connect((station.address, PORT))

        assert round_trip(*idle) < 1
    with connection(*pair) as ends:
        assert round_trip(*ends) < 1


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_that_share_is_lost_both_ways(pair: Pair, share: float) -> None:
    robot, station = pair
    with lossy(robot, share):
        for way in ((robot, station), (station, robot)):
            arrived = len(datagrams(*way, SENT))
            assert SENT * (1 - share - DEVIATION) < arrived < SENT * min(1, 1 - share + DEVIATION)

    assert datagrams(robot, station, SENT) == [*range(SENT)]


@pytest.mark.parametrize(("rate", "least", "most"), [("1mbit", 0.6, 1.2), ("100mbit", 60, 100)])
def test_a_slow_link_carries_that_much_both_ways(pair: Pair, rate: str, least: float, most: float) -> None:
    robot, station = pair
    with slow(robot, rate):
        for way in ((robot, station), (station, robot)):
            with connection(*way) as ends:
                assert least < throughput(*ends, seconds=1) < most

    with connection(*pair) as ends:
        assert throughput(*ends, seconds=0.5) > most


def test_faults_add_up(pair: Pair) -> None:
    robot, station = pair
    with lossy(robot, 0.2), lossy(station, 0.2), slow(robot, "100mbit"):
        assert abs(len(datagrams(robot, station, SENT)) / SENT - 0.8 * 0.8) < DEVIATION
