"""status.json, as the real launcher writes it."""

import json
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from host.jsonfile import JsonFile
from host.view import overview
from tests.acted import act, chain
from tests.conftest import until
from tests.launch import Launch
from tests.mounting import disk
from tests.ordeal import fill


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def said(graph: Launch) -> dict[str, Any]:
    """What the launcher says now; nothing as long as it has not."""
    run = overview.running(graph.folder / "graph.yaml")
    path = run / "status.json" if run else Path("/nothing")
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    assert isinstance(found, dict)
    return found


def node(status: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(next((one for one in status.get("nodes", ()) if one["name"] == name), {}))


def kinds(status: dict[str, Any], who: str) -> list[str]:
    return [kind for _, name, kind, _ in status.get("events", ()) if name == who]


def test_states_restarts_and_deaths_are_told(tmp_path: Path) -> None:
    nodes = chain()
    nodes["watcher"]["role"] = "exits 1"
    with act(tmp_path, nodes) as graph:
        until(lambda: node(said(graph), "splitter").get("state") == "runs", what="a node that runs")
        pid = graph.pid("splitter.1")
        assert node(said(graph), "splitter")["replicas"][0]["pid"] == pid
        graph.kill("splitter.1")
        killed_at = time.time()
        until(lambda: kinds(said(graph), "splitter") == ["ready", "death", "ready"], 20, "its death and its next life")
        found = said(graph)
        [death] = [at for at, who, kind, _ in found["events"] if (who, kind) == ("splitter", "death")]
        assert death - killed_at < 3
        replica = node(found, "splitter")["replicas"][0]
        assert (replica["restarts"], replica["words"]) == (1, "was killed by SIGKILL")
        assert death <= replica["since"] < death + 3
        until(lambda: node(said(graph), "watcher")["state"] == "rests", 20, "one that rests")
        assert node(said(graph), "watcher")["replicas"][0]["words"] == "exited with 1"
        assert found["nodes"][0]["name"] == "splitter"
        graph.interrupt()
        assert graph.ends() == 0


def test_what_a_node_that_exits_had_to_say_is_told_with_its_code(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo starts; echo no camera is there; exit 3"]
    (tmp_path / "graph.yaml").write_text(json.dumps({"nodes": {"grabber": {"command": command}}}))
    with Launch(tmp_path) as graph:
        until(lambda: node(said(graph), "grabber").get("state") == "rests", 20, "one that rests")
        assert node(said(graph), "grabber")["replicas"][0]["words"] == "exited with 3: no camera is there"
        graph.interrupt()
        assert graph.ends() == 0


def test_memory_and_processor_of_a_node_are_told(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "busy"}, "saver": {"role": "lives"}}) as graph:
        until(lambda: _replica(said(graph), "splitter")["cpu"] > 0.05, 30, "a node at work")
        assert _replica(said(graph), "splitter")["memory"] > 5_000_000
        assert _replica(said(graph), "saver")["cpu"] < 0.05
        graph.process.send_signal(signal.SIGTERM)
        assert graph.ends() == 0


def test_a_disk_that_is_full_costs_a_line_and_the_file_stays_whole(tmp_path: Path) -> None:
    lines: list[str] = []
    with disk(tmp_path / "run", options="size=64k") as folder:
        file = JsonFile(folder / "status.json", lines.append)
        file.write({"at": 1})
        ballast = fill(folder)
        for _ in range(3):
            file.write({"at": 2, "more": "x" * 10_000})
        assert json.loads((folder / "status.json").read_text()) == {"at": 1}
        ballast.unlink()
        file.write({"at": 3})
        assert json.loads((folder / "status.json").read_text()) == {"at": 3}
        assert (folder / "status.json").stat().st_mode & 0o777 == 0o600
    assert len(lines) == 1
    assert "No space left on device" in lines[0]


def test_a_launcher_that_is_short_of_descriptors_for_a_while_goes_on_and_forgets_no_number(tmp_path: Path) -> None:
    with act(tmp_path, chain()) as graph:
        until(lambda: node(said(graph), "splitter").get("state") == "runs", what="a node that runs")
        before = said(graph)
        limits = resource.prlimit(graph.process.pid, resource.RLIMIT_NOFILE)
        taken = max(int(one.name) for one in Path("/proc", str(graph.process.pid), "fd").iterdir())
        resource.prlimit(graph.process.pid, resource.RLIMIT_NOFILE, (taken, limits[1]))
        graph.says(r"status\.json cannot be written: Too many open files")
        resource.prlimit(graph.process.pid, resource.RLIMIT_NOFILE, limits)
        until(lambda: said(graph).get("at", 0.0) > before["at"] + 2, 20, "news of it")
        assert graph.process.poll() is None, graph.output
        assert _replica(said(graph), "splitter")["memory"] > 0


def _replica(status: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(next(iter(node(status, name).get("replicas", ())), {"cpu": 0.0}))
