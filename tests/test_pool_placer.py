"""A pool whose cluster cannot be had: what its placer says, and what replicas show as long as they wait."""

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import need_modules, until
from tests.launch import ROOT
from tests.linked import ports
from tests.pools import Pooled

WITHOUT_RAY = "import runpy, sys; sys.modules['ray'] = None; runpy.run_module('host.pool', run_name='__main__')"


@pytest.fixture
def pooled(tmp_path: Path, worker_id: str) -> Pooled:
    return Pooled(tmp_path, f"127.0.0.1:{ports(26_000, worker_id)}", ports(25_000, worker_id))


def test_without_a_cluster_it_says_how_to_start_one_and_replicas_wait(pooled: Pooled) -> None:
    need_modules("ray")
    with pooled.launch() as graph:
        graph.says("pool .*there is no Ray cluster at 127.0.0.1:")
        until(lambda: "there is no Ray cluster at" in pooled.place("converter.1").get("why", ""), 20, "why it waits")
        assert pooled.place("converter.1")["state"] == "pending"
        graph.says(r" converter +\| 2 replicas wait for a machine: there is no Ray cluster at 127.0.0.1:")
        command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "--host=station", "status"]
        shown = subprocess.run(command, cwd=pooled.folder, capture_output=True, text=True, check=True).stdout
        assert "converter 0 of 2 run; 2 pending (there is no Ray cluster at" in shown
        assert "Start it, or correct `ray` in the graph)" in " ".join(shown.split())
        graph.interrupt()

        assert graph.ends() == 0
    assert "Traceback" not in graph.output


def test_a_head_that_takes_connections_and_says_nothing_is_left_when_the_graph_names_another(
    tmp_path: Path, worker_id: str
) -> None:
    need_modules("ray")
    with closing(socket.create_server(("", 0))) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        pooled = Pooled(tmp_path, address, ports(25_000, worker_id))
        with pooled.launch() as graph:
            until(lambda: address in pooled.place("converter.1").get("why", ""), 40, "the cluster to be asked")
            mute.settimeout(40)
            mute.accept()[0].close()  # it has knocked
            asked, _ = mute.accept()  # and Ray asks
            other = f"127.0.0.1:{ports(26_000, worker_id)}"
            pooled.turn_to(other)
            graph.says(f"the host pool: ray {address} -> {other}")
            graph.says(f"pool .*there is no Ray cluster at {other}")
            asked.close()
            graph.interrupt()
            assert graph.ends() == 0


def test_without_ray_it_says_what_to_install(pooled: Pooled) -> None:
    with pooled.launch() as graph:
        command = [sys.executable, "-c", WITHOUT_RAY, str(pooled.folder / "graph.yaml"), f"--run={pooled.run}"]
        with subprocess.Popen([*command, "--host=pool"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            said = [process.stdout.readline() for _ in range(2)]
            process.terminate()
        graph.interrupt()
        graph.ends()

    assert "Install it where this launcher runs: pip install 'ray>=" in said[1]
