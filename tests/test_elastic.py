"""Elastic replicas under the real launcher: they come and go with the load, and every message has its one result."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from host import demand, keyring
from host.view import overview
from tests import swell
from tests.conftest import until
from tests.launch import ROOT, Launch, listed, processes_in
from tests.linked import ports

SLOW = 0.5  # seconds between two messages, each of which takes a replica 0.1 s


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))


def facts(folder: Path, node: str = "naps") -> dict[str, object]:
    """What status.json says of a node; empty as long as it says nothing."""
    run = overview.running(folder / "graph.yaml")
    try:
        nodes = overview.read(run)["nodes"] if run else []
    except (OSError, ValueError):
        return {}
    return next((one for one in nodes if one["name"] == node), {})


def scale(folder: Path) -> tuple[object, ...]:
    found = facts(folder).get("scale", {})
    assert isinstance(found, dict)
    return tuple(found.get(name) for name in ("wanted", "running", "pending"))


def states(folder: Path, node: str = "naps") -> list[str]:
    replicas = facts(folder, node).get("replicas", [])
    assert isinstance(replicas, list)
    return [one["state"] for one in replicas]


def edit(folder: Path, **keys: object) -> None:
    file = folder / "graph.yaml"
    graph = json.loads(file.read_text())
    graph["nodes"]["naps"].update(keys)
    file.write_text(json.dumps(graph, indent=1))


@pytest.mark.timeout(120)
def test_they_come_with_the_load_and_go_with_it_and_each_message_has_its_one_result(tmp_path: Path) -> None:
    swell.write(tmp_path, "1..3")
    with swell.launch(tmp_path) as graph:
        until(lambda: states(tmp_path)[1:] == ["spare", "spare"], 20, "the spare ones")
        assert {*listed(next(iter(Path(os.environ["XDG_RUNTIME_DIR"]).glob("zg-*/????????????"))))} >= {
            "naps.2.done",
            "naps.3.done",
        }
        until(lambda: scale(tmp_path) == (3, 3, 0), 60, f"three: {graph.output[-2000:]}")
        swell.pace(tmp_path, SLOW)
        until(lambda: states(tmp_path) == ["runs", "spare", "spare"], 60, f"one: {graph.output[-2000:]}")
        assert [one["restarts"] for one in facts(tmp_path)["replicas"]] == [0, 0, 0]  # type: ignore[attr-defined]
        swell.pace(tmp_path, "end")
        assert graph.ends(60) == 0, graph.output
        steps = swell.steps(graph)
        assert steps[:2] == [(1, 2), (2, 3)]
        assert all(abs(one - other) == 1 and 1 <= other <= 3 for one, other in steps)
        assert re.search(r"naps: 1 -> 2 replicas: (\d+ messages? waits? and )?all are busy", graph.output)
        assert re.search(r"naps: 3 -> 2 replicas: they work \d+ % of their time", graph.output)
        assert "restarts" not in graph.output
        assert swell.tallied(tmp_path, graph)


@pytest.mark.timeout(120)
def test_the_range_is_changed_while_they_run_and_nobody_else_notices(tmp_path: Path) -> None:
    swell.write(tmp_path, "1..3")
    swell.pace(tmp_path, SLOW)
    with swell.launch(tmp_path) as graph:
        until(lambda: scale(tmp_path) == (1, 1, 0), 20, "one of them")
        pids = [graph.pid(name) for name in ("pulses.1", "naps.1", "tally.1")]
        for replicas, wanted in (("2..3", 2), (3, 3)):
            edit(tmp_path, replicas=replicas)
            there = (wanted, wanted, 0)
            until(lambda there=there: scale(tmp_path) == there, 20, f"{there}: {graph.output}")  # type: ignore[misc]
        edit(tmp_path, replicas="1..3")
        until(lambda: scale(tmp_path) == (1, 1, 0), 30, f"one again: {graph.output[-2000:]}")
        assert [graph.pid(name) for name in ("pulses.1", "naps.1", "tally.1")] == pids
        for words in ("1..3 -> 2..3", "2..3 -> 3", "3 -> 1..3"):
            assert f"naps: replicas {words}\n" in graph.output
        assert "naps: 1 -> 2 replicas: at least 2 are to be there" in graph.output
        swell.pace(tmp_path, "end")
        assert graph.ends(60) == 0, graph.output
        assert swell.tallied(tmp_path, graph)


@pytest.mark.timeout(120)
def test_kills_of_replicas_and_of_the_launcher_lose_nothing(tmp_path: Path) -> None:
    swell.write(tmp_path, "1..3")
    names = {f"{number:03d}.png" for number in range(80)}
    (tmp_path / "spool").mkdir()
    for name in names:
        Image.new("RGB", (16, 16), (int(name[:3]), 0, 0)).save(tmp_path / "spool" / name)
    nodes = {
        "watcher": {"run": "nodes.watcher", "push": "frames", "args": {"folder": "spool"}},
        "naps": {"run": "naps", "pull": "frames", "push": "rested", "replicas": "1..3"},
        "saver": {"run": "nodes.saver", "pull": "rested", "args": {"folder": "saved"}},
    }
    (tmp_path / "graph.yaml").write_text(json.dumps({"nodes": nodes}))

    def kill() -> None:
        """All of them that run."""
        for pid, words in processes_in(tmp_path).items():
            if any(word.startswith("--name=naps") for word in words):
                os.kill(pid, signal.SIGKILL)

    def saved() -> set[str]:
        return listed(tmp_path / "saved")

    with swell.launch(tmp_path) as graph:
        until(lambda: scale(tmp_path)[0] in (2, 3), 30, f"more: {graph.output[-2000:]}")
        kill()
        seen = len(saved())
        until(lambda: len(saved()) > seen + 4, 30, "results after a kill")
        graph.process.kill()
    with swell.launch(tmp_path) as graph:
        until(lambda: scale(tmp_path)[0] in (2, 3), 30, f"more: {graph.output[-2000:]}")
        kill()
        until(lambda: len(saved()) == len(names), 60, f"all: {len(saved())} {graph.output[-2000:]}")
        until(lambda: scale(tmp_path)[0] == 1, 30, f"one again: {graph.output[-2000:]}")
        graph.interrupt()
        assert graph.ends(30) == 0, graph.output
        assert re.search("stopped: .* dead letters 0, dropped 0, lost 0, waiting 0", graph.output)
    assert not [*(tmp_path / "spool").rglob("*.png")]
    assert saved() == {f"{name}.jpg" for name in names}


@pytest.mark.timeout(120)
def test_pushers_and_pullers_on_another_host_learn_who_is_there(tmp_path: Path, worker_id: str) -> None:
    port, folders = ports(26_000, worker_id), {name: tmp_path / name for name in ("robot", "station")}
    for folder in folders.values():
        folder.mkdir()
        swell.write(folder, "1..2")
    keys = {name: keyring.make(folder, name) for name, folder in folders.items()}
    hosts = {
        "robot": {"key": keys["robot"]},
        "station": {"key": keys["station"], "address": "127.0.0.1", "port": port + 8},
    }
    wires = {"frames": {"address": f"tcp://station:{port}"}, "rested": {"address": f"tcp://station:{port + 4}"}}
    for folder in folders.values():
        graph = json.loads((folder / "graph.yaml").read_text())
        for name, node in graph["nodes"].items():
            node["host"] = "station" if name == "naps" else "robot"
        (folder / "graph.yaml").write_text(json.dumps({"hosts": hosts, "wires": wires, **graph}))
    with (
        swell.launch(folders["station"], "--host=station") as station,
        swell.launch(folders["robot"], "--host=robot") as robot,
    ):
        station.says("naps: 1 -> 2 replicas: all are busy")
        swell.pace(folders["robot"], SLOW)
        station.says("naps: 2 -> 1 replicas")
        station.says("naps.2 . has given way")
        swell.pace(folders["robot"], "end")
        for launch in (robot, station):
            assert launch.ends(20) == 0, robot.output + station.output
        said = robot.output + station.output
        assert "could not tell" not in said
        assert "no word from naps" not in said
        assert swell.tallied(folders["robot"], robot)


@pytest.mark.timeout(120)
def test_the_graph_of_the_page_runs_and_stops_with_its_spare_ones(tmp_path: Path) -> None:
    section = (ROOT / "docs" / "live.md").read_text().partition("## Elastic replicas")[2].partition("\n## ")[0]
    (text,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    (tmp_path / "graph.yaml").write_text(text)
    (tmp_path / "spool").mkdir()
    for number in range(8):
        Image.new("RGB", (32, 32)).save(tmp_path / "spool" / f"{number}.png")
    words = {demand.UP_AFTER: "for {:g} s all", demand.DOWN_AFTER: "for {:g} s the others"}
    parts = {demand.BUSY: "worked {:.0f} %", demand.ALONE: "here, {:.0f} %", demand.CALM: "busy for {:.0f} %"}
    assert all(form.format(seconds) in section for seconds, form in words.items())
    assert all(form.format(100 * part) in section for part, form in parts.items())
    with Launch(tmp_path) as graph:
        until(lambda: len(listed(tmp_path / "converted")) == 8, 60, "results")
        until(lambda: states(tmp_path, "converter") == ["runs"] * 2 + ["spare"] * 4, 20, "the replicas")
        command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "status"]
        shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert "converter 2 of 2 run, 2 to 6 may\n" in shown
        assert re.search(r"^frames .* 2 of 2$", shown, re.MULTILINE)
        graph.interrupt()
        assert graph.ends(30) == 0, graph.output
        assert "converter x 2..6" in graph.output
        assert "stopped: converted 8, dead letters 0, dropped 0, lost 0, waiting 0" in graph.output
