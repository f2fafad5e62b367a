"""A pool whose cluster's head falls silent, and speaks again: what goes on, what waits, and what is said."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need_modules, until
from tests.linked import ports
from tests.pools import Pooled
from tests.raycluster import Machines, machines, shared
from tests.relay import relay

pytestmark = pytest.mark.timeout(240)

EVER = ("splitter.source=test:forever", "splitter.size=64x64", "splitter.rate=5")
OF_RAY = "pool .*(?:rpc|gcs|lib/python|Traceback)"
SOON = 40.0  # seconds for what takes a few on a machine that has nothing else to do


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    need_modules("ray")
    with machines(shared(tmp_path_factory.getbasetemp())) as found:
        yield found


def test_who_runs_goes_on_and_who_waits_shows_that_the_head_is_silent(
    tmp_path: Path, worker_id: str, cluster: Machines
) -> None:
    machine = cluster.add(head=2)
    with relay(cluster.address) as head:
        pooled = Pooled(tmp_path, head.address, ports(27_000, worker_id))
        resources = {"resources": {"head": 1}}
        pooled.write("1..2", resources, folder=str(tmp_path))
        with pooled.launch(*EVER) as graph:
            first = pooled.node("converter.1")
            until(lambda: len(pooled.saved) > 5, SOON, "frames")

            head.fall_silent()
            pooled.write(2, resources, folder=str(tmp_path))
            words = f"the cluster's head ({head.address}) does not answer"
            until(lambda: waits(pooled, 2) == words, SOON, lambda: f"why it waits: {waits(pooled, 2)}")
            count = len(pooled.saved)
            until(lambda: len(pooled.saved) > count + 10, SOON, "frames")
            assert pooled.nodes() == [first]

            head.speak_again()
            pooled.node("converter.2")
            assert pooled.node("converter.1") == first
            graph.interrupt()
            assert graph.ends() == 0
    assert not re.findall(OF_RAY, graph.output)
    cluster.remove(machine)


def test_where_nobody_runs_a_silent_head_is_asked_as_if_for_the_first_time(
    tmp_path: Path, worker_id: str, cluster: Machines
) -> None:
    with relay(cluster.address) as head:
        pooled = Pooled(tmp_path, head.address, ports(27_000, worker_id))
        pooled.write(1, {"resources": {"nowhere": 1}}, folder=str(tmp_path))
        with pooled.launch(*EVER) as graph:
            until(lambda: "1 nowhere (the most" in waits(pooled, 1), SOON, "why it waits")
            placer = pooled.placer()

            head.fall_silent()
            graph.says(f"pool .*the cluster's head .{head.address}. has not answered for 20 s: begins anew")
            until(lambda: pooled.placer() != placer, SOON, "another placer")
            until(lambda: "of Ray's has answered there for 20 s" in waits(pooled, 1), SOON, "that it is asked")

            head.speak_again()
            until(lambda: "1 nowhere (the most" in waits(pooled, 1), 2 * SOON, "why it waits")
            graph.interrupt()
            assert graph.ends() == 0
    assert not re.findall(OF_RAY, graph.output)


def waits(pooled: Pooled, number: int) -> str:
    """Why that replica waits."""
    return str(pooled.place(f"converter.{number}").get("why", ""))
