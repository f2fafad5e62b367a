"""A graph over two hosts, each half of it started from what `print` shows for it."""

import socket
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from bus import keys
from tests.launch import ROOT, files, processes_in

GRAPH = """
hosts:
  robot: {{key: "{robot}"}}
  station: {{key: "{station}", address: 127.0.0.1}}
wires:
  frames: {{address: "tcp://station:{port}"}}
nodes:
  splitter: {{run: nodes.splitter, host: robot, push: streams, args: {{source: test, folder: spool, limit: 20}}}}
  watcher: {{run: nodes.watcher, host: robot, pull: streams, push: frames, args: {{folder: spool}}}}
  converter: {{run: nodes.converter, host: station, pull: frames, args: {{filter: emboss, folder: out}}, replicas: 2}}
"""


def printed(folder: Path, host: str) -> str:
    """What is to be pasted on `host`, where the graph lies in `folder`."""
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "print"]
    text = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout
    _, first, rest = text.partition(f"# first, once on {host}:\n")
    lines = takewhile(lambda line: not line.startswith("# first"), rest.splitlines())
    return "\n".join([first, *lines, "wait", ""])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_what_is_printed_for_two_hosts_runs_the_graph_over_both(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    hosts = ("station", "robot")
    public = {host: keys.make(tmp_path / host / "keys" / f"{host}.key") for host in hosts}
    port = min(free_port(), 65_000)
    for host in hosts:
        (tmp_path / host / "graph.yaml").write_text(GRAPH.format(port=port, **public))
    for host in hosts:
        (tmp_path / f"{host}.sh").write_text(printed(tmp_path / host, host))
    halves = [subprocess.Popen(["sh", f"{host}.sh"], cwd=tmp_path, stdout=subprocess.DEVNULL) for host in hosts]
    try:
        assert [half.wait(60) for half in halves] == [0, 0]
    finally:
        for host, half in zip(hosts, halves, strict=True):
            half.kill()
            half.wait()
            for pid in processes_in(tmp_path / host):
                subprocess.run(["kill", "-9", str(pid)], check=False)
    assert len(files(tmp_path / "station" / "out")) == 20
    assert files(tmp_path / "robot" / "spool") == []
