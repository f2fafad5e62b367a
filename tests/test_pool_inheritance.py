"""What a life on one machine of a real cluster held when it died, asked for from another one."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from host.pool import cluster as clusters
from host.pool import folder
from tests.conftest import need_modules
from tests.launch import ROOT
from tests.raycluster import Machines, machines, shared

RUN_ID = "fedcba987654"
ASK = """
import asyncio, json, sys
from host.pool.cluster import Cluster

async def main(address, run_id, *nodes):
    cluster = Cluster(address, {"env_vars": {"PYTHONPATH": sys.path[0]}}, "zg-test")
    print(json.dumps([(await cluster.left_on(node, run_id, "filter.1")).decode() for node in nodes]))
    cluster.close()

sys.path.insert(0, sys.argv.pop(1))
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    need_modules("ray")
    with machines(shared(tmp_path_factory.getbasetemp())) as found:
        yield found


def test_it_is_read_there_once_and_of_a_machine_that_is_gone_there_is_nothing(cluster: Machines) -> None:
    one, two = cluster.add(), cluster.add()
    for node in (one, two):
        held = folder.Folder(RUN_ID, "filter.1", node)
        (held.path / "filter.1.hand").write_text(f"of {node}")
        held.release(keep=True)
    cluster.remove(two)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(ROOT), cluster.address, RUN_ID, one, one, two],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=100,
    )  # fmt: skip
    left = Path(folder.where(RUN_ID, "filter.1", two))
    try:
        assert json.loads(done.stdout.splitlines()[-1]) == [f"of {one}", "", ""]
        assert not folder.where(RUN_ID, "filter.1", one).exists()
        assert left.exists(), "nobody could read it there"
    finally:
        (left / "filter.1.hand").unlink()
        left.rmdir()
        cluster.remove(one)


def test_a_head_that_does_not_answer_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cluster is played: the real one is that of other tests, too."""
    need_modules("ray")
    monkeypatch.setattr(clusters, "PATIENCE", 0.2)
    answers = threading.Event()

    def call(*_: object) -> None:
        assert answers.wait(20), "whoever asks waits for nothing else"

    async def story() -> None:
        asker = clusters.Cluster.__new__(clusters.Cluster)
        there = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=call))
        vars(asker).update(_alive={"machine1"}, _inherit=there, lost=OSError)
        assert await asker.left_on("machine1", RUN_ID, "filter.1") == b""
        answers.set()

    asyncio.run(story())
