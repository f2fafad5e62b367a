"""The short form of the campaign of pools: `python -m tests.pool` is the long one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need_modules
from tests.linked import ports
from tests.pool.campaign import Campaign
from tests.raycluster import Machines, machines, shared

FRAMES = 200


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    need_modules("ray")
    with machines(shared(tmp_path_factory.getbasetemp())) as found:
        yield found


@pytest.mark.timeout(240)
def test_each_frame_has_its_one_result_while_machines_come_and_go(
    tmp_path: Path, worker_id: str, cluster: Machines
) -> None:
    campaign = Campaign(tmp_path, cluster, ports(23_000, worker_id), FRAMES, low=1, high=3, places=2)
    campaign.run(print, short=True)

    assert [*campaign.wrongs()] == []
