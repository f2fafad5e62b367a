"""A robot and a station, for all tests of one file."""

from collections.abc import Iterator

import pytest

from tests.network.hosts import Host, hosts


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Host, Host]]:
    with hosts("robot", "station") as (robot, station):
        yield robot, station
