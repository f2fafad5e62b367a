"""A graph that is changed while it runs, under the real launcher: what goes on, what restarts, and what is refused."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from host.view import overview
from tests.acted import Nodes, act, chain, lines, written
from tests.conftest import until
from tests.edits.model import Model, Stamp
from tests.edits.stage import Stage
from tests.launch import ROOT, Launch

WELL = r"dead letters 0, dropped 0, lost 0, waiting 0"


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def edit(folder: Path, nodes: Nodes) -> None:
    """Have `nodes` in a graph of actors from now on."""
    (folder / "fresh.yaml").write_text(written(nodes))
    (folder / "fresh.yaml").replace(folder / "graph.yaml")


def status(stage: Stage) -> dict[str, object]:
    words = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "status", "--json"]
    done = subprocess.run(words, cwd=stage.folder, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def finished(stage: Stage) -> int:
    """How many frames there were, each of which has its one result."""
    assert re.search(WELL, last := stage.finish()), last
    names = {f"frame-{number:08d}.png.json" for number in stage.flow.dropped}
    assert {file.name for file in stage.flow.folder.iterdir()} == names
    return len(names)


def test_a_custom_filter_is_inserted_shared_out_and_taken_out_while_the_others_go_on(stage: Stage) -> None:
    stage.start()
    stage.await_force(plain := Model())
    run = overview.running(stage.file)
    assert run
    watcher, converter = stage.launch.pid("watcher.1"), stage.launch.pid("converter.1")
    inserted = replace(plain, b=Stamp("edges", 1))
    shared = replace(inserted, b=Stamp("edges", 1, replicas=4))
    for model in (inserted, shared, inserted, plain):
        stage.file.write_text(model.yaml())
        stage.await_force(model)
        names = [node["name"] for node in overview.read(run)["nodes"]]
        assert names == ["watcher", "converter", *(["edges"] if model.b else []), "keeper"]
    assert stage.launch.pid("watcher.1") == watcher
    assert stage.launch.pid("converter.1") != converter  # its wire has changed
    assert [*run.glob("edges.*")] == []
    said = lines(stage.launch, "graph")
    assert "edges: new, between converter and keeper; starts" in said
    assert "edges: replicas 1 -> 4; 3 start" in said
    assert "edges: replicas 4 -> 1; 3 leave" in said
    assert "edges: removed" in said
    assert lines(stage.launch, "edges")[-1] == "has left: it is not in the graph any longer"
    assert int(re.findall(r"converted (\d+)", stage.launch.output + stage.finish())[-1]) == len(stage.flow.dropped)


def test_a_graph_with_mistakes_is_refused_with_the_words_of_check_and_what_runs_goes_on(stage: Stage) -> None:
    stage.start()
    stage.await_force(plain := Model())
    stage.file.write_text(plain.yaml().replace("pull: to_keeper", "pull: to_keper"))
    stage.launch.says("the change is refused, and what runs goes on:")
    check = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "check"]
    mistakes = subprocess.run(check, cwd=stage.folder, capture_output=True, text=True, check=False).stderr
    stage.launch.says(re.escape(mistakes.splitlines()[-1]))
    assert lines(stage.launch, "graph")[-len(mistakes.splitlines()) :] == mistakes.splitlines()
    assert status(stage)["state"] == "runs"  # also where only the old text can be read
    stage.file.write_text(plain.yaml())
    stage.launch.says("graph.yaml is what runs again")
    assert finished(stage) > 0
    assert "restart" not in stage.launch.output


def test_arguments_that_a_node_refuses_wait_for_the_next_change_and_end_nothing(stage: Stage) -> None:
    stage.start()
    stage.await_force(plain := Model())
    stage.file.write_text(plain.yaml().replace("filter: invert", "filter: invertt"))
    stage.launch.says(r"converter \| exited with 2, as it was changed: waits for the next change")
    stage.file.write_text(plain.yaml())
    stage.await_force(plain)
    assert finished(stage) > 0


def test_no_change_is_followed_where_that_is_not_wanted(stage: Stage) -> None:
    stage.start("--no-follow")
    stage.await_force(plain := Model())
    before = stage.launch.pid("converter.1")
    stage.file.write_text(replace(plain, filter="grayscale").yaml())
    seen = len(stage.flow.results)
    until(lambda: len(stage.flow.results) > seen + 50, 60, "two seconds of frames, in which a change would be applied")
    assert stage.launch.pid("converter.1") == before
    assert finished(stage) > 0


def test_overrides_go_on_winning(stage: Stage) -> None:
    stage.start("converter.filter=invert")
    stage.await_force(Model())
    stage.file.write_text(replace(Model(), filter="grayscale", prefetch=3).yaml())
    stage.launch.says("the wire to_keeper: prefetch 8 -> 3", 20)
    seen = len(stage.flow.results)
    until(lambda: len(stage.flow.results) > seen + 50, 60, "results")
    assert {result.shows["filter"] for result in stage.flow.results} == {"invert"}
    assert "filter invert" not in stage.launch.output
    assert finished(stage) > 0


def test_a_module_is_loaded_again_if_that_is_wanted(stage: Stage) -> None:
    model = replace(Model(), b=Stamp("edges", 1))
    stage.file.write_text(model.yaml())
    stage.start("--reload")
    stage.await_force(model)
    module, keeper = stage.folder / "stamp.py", stage.launch.pid("keeper.1")
    text = module.read_text()
    module.write_text(text.replace("for frame in", "for frame of"))
    stage.launch.says("the change is refused", 20)
    module.write_text(text.replace("place: label}", "place: label + 1}"))
    stage.launch.says("edges: its module has changed; restarts")
    until(lambda: stage.flow.results[-1].shows["b"] == 2, 60, "what the new one makes")
    assert stage.launch.pid("keeper.1") == keeper
    assert finished(stage) > 0


def test_that_a_change_is_through_is_said_once_with_its_time_when_the_last_one_runs(tmp_path: Path) -> None:
    through = re.compile(r"changed: all of it runs, after (\d+\.\d) s")
    with act(tmp_path, nodes := chain("lives", "lives", "lives 2")) as graph:
        until(lambda: graph.output.count("ready after") == 3, 30, "everyone")
        nodes["converter"] |= {"role": "lives 0", "stall": 300}
        nodes["splitter"] |= {"env": {"COLOUR": "red"}}
        edit(tmp_path, nodes)
        graph.says(through.pattern, 30)
        told = graph.output[: graph.output.index("changed: all")]
        assert told.count("ready after") == 5
        assert 2 <= float(through.findall(graph.output)[0]) < 30, "the old converter took two seconds to leave"
        assert lines(graph, "graph")[-2].endswith("stall nothing -> 300; restarts")

        nodes["converter"]["stall"] = 360
        edit(tmp_path, nodes)
        graph.says("converter: stall")
        nodes["watcher"] |= {"role": "exits 1"}
        edit(tmp_path, nodes)
        graph.says(r"watcher +\| exited with 1, restarts", 30)
        graph.interrupt()
        assert graph.ends() == 0
    assert len(through.findall(graph.output)) == 1, "nobody restarts for a stall, and who dies at once does not run"


def test_a_stop_in_the_middle_of_a_change_is_a_stop(tmp_path: Path) -> None:
    nodes = chain("lives", "lives 3")
    with act(tmp_path, nodes) as graph:
        until(lambda: graph.output.count("ready after") == 3, 30, "everyone")
        text = (tmp_path / "graph.yaml").read_text()
        (tmp_path / "graph.yaml").write_text(
            text.replace('"lives",\n    "3"', '"lives",\n    "4"').replace('"3"', '"4"')
        )
        graph.says("asked to leave")
        graph.interrupt()
        assert graph.ends() == 0
    assert lines(graph, "watcher")[-1] == "stopped"


def test_a_change_while_one_is_applied_comes_after_it_and_the_last_one_wins(stage: Stage) -> None:
    stage.start()
    stage.await_force(plain := Model())
    for count in range(1, 4):
        last = replace(plain, a=Stamp(f"edges{count}", count), replicas=count)
        stage.file.write_text(last.yaml())
        time.sleep(0.5)
    stage.await_force(last)
    assert finished(stage) > 0


def test_what_has_ended_stays_so_unless_something_feeds_it_again(tmp_path: Path) -> None:
    """A clip's branch has ended, while another one goes on: only a source of another argument begins again."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    nodes = {
        "first": {"run": "nodes.splitter", "push": "streams", "args": {"source": "test", "limit": 3, "folder": "one"}},
        "watcher": {"run": "nodes.watcher", "pull": "streams", "push": "frames", "args": {"folder": "one"}},
        "saver": {"run": "nodes.saver", "pull": "frames", "args": {"folder": "saved"}},
        "other": {"run": "nodes.watcher", "push": "others", "args": {"folder": "two"}},
        "sink": {"run": "nodes.saver", "pull": "others", "args": {"folder": "sunk"}},
    }
    file = tmp_path / "graph.yaml"
    file.write_text(json.dumps({"nodes": nodes}))
    with Launch(tmp_path) as graph:
        graph.says(r"saver +\| ended", 40)
        nodes["saver"]["args"] = {"folder": "saved", "quality": 80}
        file.write_text(json.dumps({"nodes": nodes}))
        graph.says("saver: quality nothing -> 80", 20)
        time.sleep(0.5)
        assert lines(graph, "saver")[-1] == "ended"
        nodes["first"]["args"] = {"source": "test", "limit": 5, "folder": "one", "stream": "again"}
        file.write_text(json.dumps({"nodes": nodes}))
        until(lambda: len([*(tmp_path / "saved").glob("again-*.jpg")]) == 5, 60, f"more: {graph.output}")
        until(lambda: lines(graph, "saver").count("ended") == 2, 60, "its second end")
        graph.interrupt()
        assert graph.ends() == 0


def test_a_kill_of_the_launcher_in_a_change_leaves_the_graph_that_is_there(stage: Stage) -> None:
    stage.start()
    stage.await_force(plain := Model())
    changed = replace(plain, b=Stamp("edges", 1), replicas=3)
    stage.file.write_text(changed.yaml())
    stage.launch.says("edges: new")
    os.kill(stage.launch.process.pid, signal.SIGKILL)
    stage.launch.process.wait()
    stage.start()
    stage.await_force(changed)
    assert finished(stage) > 0


def test_a_graph_that_others_can_write_is_not_followed(stage: Stage) -> None:
    stage.file.chmod(0o666)
    stage.start()
    stage.launch.says(r"others can write .*graph.yaml \(mode 666\): chmod go-w .*; until then no change is followed")
    stage.await_force(plain := Model())
    stage.file.write_text(replace(plain, filter="grayscale").yaml())
    stage.launch.says("the change is refused")
    stage.file.chmod(0o644)
    stage.await_force(replace(plain, filter="grayscale"))
    shutil.rmtree(stage.folder / "__pycache__", ignore_errors=True)
    assert finished(stage) > 0
