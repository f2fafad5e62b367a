"""Hosts are apart from each other and from this machine, reach each other, and leave nothing behind."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import until
from tests.network.hosts import hosts
from tests.network.namespace import identity
from tests.network.talk import connection, gets_through, round_trip

ASLEEP = ["sleep", "60"]


def test_hosts_reach_each_other_whoever_dials() -> None:
    with hosts("robot", "station", "desk") as three:
        for one in three:
            for other in three:
                with connection(one, other) as (near, far):
                    assert near.getsockname()[0] == far.getpeername()[0] == one.address
                    assert round_trip(near, far) < 1


def test_networks_with_the_same_names_and_addresses_do_not_meet() -> None:
    with hosts("robot", "station") as (robot, station), hosts("robot", "station") as (_, stranger):
        assert stranger.address == station.address
        with connection(robot, station) as here, connection(robot, station) as there:
            assert round_trip(*here) < 1
            assert round_trip(*there) < 1


def test_a_host_reaches_nothing_else() -> None:
    with hosts("robot", "station") as (robot, _), robot.tcp() as socket:
        socket.settimeout(10)
        assert socket.connect_ex(("192.0.2.1", 80)) == errno.ENETUNREACH  # the router knows no way there


def test_a_program_runs_on_its_host_under_its_own_process_id(tmp_path: Path) -> None:
    with hosts("robot", "station") as (robot, station):
        says = "import os, socket; print(os.getpid(), [name for _, name in socket.if_nameindex()], os.getcwd())"
        program = subprocess.Popen(
            robot.command([sys.executable, "-c", says]), cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        assert program.communicate()[0] == f"{program.pid} ['lo', 'eth0'] {tmp_path}\n"

        with subprocess.Popen(station.command(ASLEEP)) as sleeper:
            until(lambda: station.processes() == [sleeper.pid], 10, "a program on the station")
            assert robot.processes() == []
            sleeper.terminate()
        assert sleeper.returncode == -signal.SIGTERM


def test_a_host_with_another_address_is_reached_there_alone() -> None:
    with hosts("robot", "station") as (robot, station), connection(robot, station, patience=0.5) as (near, far):
        before = robot.address
        robot.change_address()

        assert robot.address != before
        assert not gets_through(far, near)
        with connection(robot, station) as (_, again):
            assert again.getpeername()[0] == robot.address
        with connection(station, robot) as (_, again):
            assert again.getsockname()[0] == robot.address


def test_a_test_that_fails_leaves_no_process_and_no_namespace() -> None:
    with pytest.raises(ZeroDivisionError), hosts("robot", "station") as (robot, station):
        identities = {identity(place.pid) for place in (robot, station, robot.router)}
        sleeper = subprocess.Popen(robot.command(ASLEEP), start_new_session=True)
        until(robot.processes, 10, "a program on the robot")
        raise ZeroDivisionError

    assert sleeper.wait(10) == -signal.SIGKILL
    assert len(identities) == 3
    assert not identities & {identity(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}


def test_a_test_that_is_killed_leaves_no_process_and_no_namespace() -> None:
    lines = (
        "from tests.network.hosts import hosts",
        "with hosts('robot', 'station') as found:",
        "    print(*(host.pid for host in (*found, found[0].router)), flush=True)",
        "    input()",
    )
    with subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as test:
        assert test.stdout
        keepers = [int(word) for word in test.stdout.readline().split()]
        test.kill()

    until(lambda: not any(identity(pid) for pid in keepers), 10, f"the end of {keepers}")
