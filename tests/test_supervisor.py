"""Lives and deaths of children, under the real launcher."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host import runfolder
from tests.acted import Nodes, act, chain, lines
from tests.conftest import until
from tests.launch import ROOT


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def run_folder() -> Path:
    """That of the one graph that runs."""
    return next(path for path in runfolder.base().iterdir() if runfolder.RUN.fullmatch(path.name))


def test_a_graph_whose_nodes_have_ended_exits_with_0_and_leaves_no_run_folder(tmp_path: Path) -> None:
    with act(tmp_path, chain("ends", "ends", "ends")) as graph:
        assert graph.ends() == 0
    assert lines(graph, "splitter") == lines(graph, "converter") == ["ended"]
    assert lines(graph, "graph")[0] == f"runs {tmp_path}/graph.yaml: splitter, watcher, converter; Ctrl-C stops it"
    assert lines(graph, "graph")[-1].startswith("all done: converted 0, dead letters 0, dropped 0, lost 0, waiting 0")
    assert list(runfolder.base().iterdir()) == []


def test_the_sink_is_started_first_and_the_source_last(tmp_path: Path) -> None:
    with act(tmp_path, chain()) as graph:
        pids = [graph.pid(f"{name}.1") for name in ("converter", "watcher", "splitter")]
        graph.says("ready")
        graph.interrupt()
        graph.ends()
    assert pids == sorted(pids)


def test_a_node_that_is_ready_is_said_to_be_so_once_in_each_life(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.says("ready after")
        graph.kill("splitter.1")
        until(lambda: graph.output.count("ready after") == 2, what="a second life")
        graph.interrupt()
        assert graph.ends() == 0


def test_a_life_with_progress_is_followed_by_another_at_once(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "works 5"}}) as graph:
        assert graph.ends() == 0
    assert lines(graph, "splitter") == ["exited with 1, restarts at once"] * 4 + ["ended"]


def test_deaths_without_progress_are_followed_by_longer_and_longer_rests(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "exits 1"}}) as graph:
        until(lambda: len(lines(graph, "splitter")) == 3, what="three deaths")
        graph.interrupt()
        assert graph.ends() == 0
    rests = [float(line.split()[-2]) for line in lines(graph, "splitter")]
    assert 0.5 <= rests[0] <= 0.6
    assert 1.0 <= rests[1] <= 1.2
    assert 2.0 <= rests[2] <= 2.4


def test_a_life_that_was_superseded_rests_for_longer_each_time_whatever_it_has_done(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "yields 4"}}) as graph:
        assert graph.ends() == 0
    *deaths, last = lines(graph, "splitter")
    assert all(re.fullmatch(r"exited with 75, restarts in [\d.]+ s", line) for line in deaths)
    rests = [float(line.split()[-2]) for line in deaths]
    assert all(least <= rest <= 1.2 * least for rest, least in zip(rests, (0.5, 1.0, 2.0), strict=True)), rests
    assert last == "ended"


def test_one_replica_dies_alone(tmp_path: Path) -> None:
    nodes: Nodes = {
        "camera": {"role": "lives", "push": "frames"},
        "saver": {"role": "lives", "pull": "frames", "replicas": 2},
    }
    with act(tmp_path, nodes) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        other = graph.pid("saver.1")
        graph.kill("saver.2")
        until(lambda: graph.output.count("ready after") == 4, what="the next life of saver.2")
        assert graph.pid("saver.1") == other
        graph.interrupt()
        assert graph.ends() == 0
    assert re.fullmatch(r"was killed by SIGKILL, restarts in 0\.\d+ s", lines(graph, "saver.2")[1])


def test_an_exit_with_0_without_an_end_mark_is_a_death(tmp_path: Path) -> None:
    with act(tmp_path, chain("exits 0")) as graph:
        graph.says(r"splitter +\| exited with 0 but no end mark, restarts in")
        graph.interrupt()
        assert graph.ends() == 0


def test_a_command_without_wires_knows_of_no_end_mark_and_has_ended_when_it_exits_with_0(tmp_path: Path) -> None:
    with act(tmp_path, {"feeder": {"role": "exits 0"}}) as graph:
        assert graph.ends() == 0
    assert lines(graph, "feeder") == ["ended"]


def test_with_restart_always_a_command_without_wires_has_never_ended(tmp_path: Path) -> None:
    with act(tmp_path, {"feeder": {"role": "exits 0", "restart": "always"}}) as graph:
        graph.says(r"feeder \| exited with 0, restarts in")
        graph.interrupt()
        assert graph.ends() == 0


@pytest.mark.parametrize(
    ("role", "restart", "words"),
    [
        ("exits 2", "on-failure", "exited with 2, wrong arguments or a missing program: failed for good"),
        ("exits 65", "on-failure", "exited with 65, bad data: failed for good"),
        ("exits 1", "never", "exited with 1, restart: never: failed for good"),
        ("exits 0", "never", "exited with 0 but no end mark, restart: never: failed for good"),
    ],
)
def test_some_deaths_are_for_good(tmp_path: Path, role: str, restart: str, words: str) -> None:
    nodes = chain("drains converter.1", "drains converter.1", role)
    nodes["converter"]["restart"] = restart
    with act(tmp_path, nodes) as graph:
        assert graph.ends() == 1
    assert lines(graph, "converter") == [words]
    assert lines(graph, "graph")[-1].startswith("failed because of converter: converted 0, ")


def test_an_end_mark_counts_whatever_restart_says(tmp_path: Path) -> None:
    nodes = chain("ends", "ends", "ends")
    nodes["splitter"]["restart"] = "always"
    with act(tmp_path, nodes) as graph:
        assert graph.ends() == 0


def test_a_program_that_cannot_be_started_is_a_failure_for_good(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF is what it says")
    program.chmod(0o755)
    with act(tmp_path, {"splitter": {"role": "", "command": ["./program"]}}) as graph:
        assert graph.ends() == 1
    assert lines(graph, "splitter") == [
        f"./program cannot be started in {tmp_path}: Exec format error",
        "exited with 2, wrong arguments or a missing program: failed for good",
    ]


def test_downstream_of_a_failure_is_drained_and_upstream_without_another_way_is_stopped(tmp_path: Path) -> None:
    nodes: Nodes = {
        "camera": {"role": "lives", "push": "streams"},
        "filter": {"role": "exits 65", "pull": "streams", "push": "frames"},
        "saver": {"role": "drains filter.1", "pull": "frames"},
    }
    with act(tmp_path, nodes) as graph:
        assert graph.ends() == 1
    assert lines(graph, "saver") == ["ended"]
    assert lines(graph, "camera")[-1] == "stopped"


def test_upstream_of_a_failure_goes_on_while_it_has_another_way(tmp_path: Path) -> None:
    nodes: Nodes = {
        "camera": {"role": "lives", "push": ["left", "right"]},
        "broken": {"role": "exits 65", "pull": "left"},
        "saver": {"role": "lives", "pull": "right"},
    }
    with act(tmp_path, nodes) as graph:
        graph.says("failed for good")
        graph.says(r"camera +\| ready")
        graph.says(r"saver +\| ready")
        assert "stopped" not in graph.output
        graph.interrupt()
        assert graph.ends() == 1


def test_a_failed_replica_leaves_its_share_to_the_others(tmp_path: Path) -> None:
    nodes: Nodes = {
        "camera": {"role": "lives", "push": "frames"},
        "saver": {"role": "first", "pull": "frames", "replicas": 2},
    }
    with act(tmp_path, nodes) as graph:
        graph.says(r"saver.1 \| exited with 65, bad data: failed for good")
        graph.says(r"camera  \| ready")
        graph.says(r"saver.2 \| ready")
        assert "stopped" not in graph.output
        mark = run_folder() / "saver.1.done"
        until(mark.exists, what="the mark of the one that failed")  # which is written after it is said
        assert json.loads(mark.read_bytes()) == {"failed": True, "code": 65}
        graph.interrupt()
        assert graph.ends() == 1


def test_what_a_child_leaves_in_its_session_goes_with_it(tmp_path: Path) -> None:
    script = "sleep 600 & echo left $!; exit 1"
    with act(tmp_path, {"splitter": {"role": "", "command": ["sh", "-c", script]}}) as graph:
        graph.says(r"exited with 1, restarts in 1")
        left = int(lines(graph, "splitter")[0].split()[1])
        until(lambda: not Path("/proc", str(left)).exists(), what="what is left to go while the graph runs")
        graph.interrupt()
        assert graph.ends() == 0


def test_the_environment_of_a_child_is_its_own(tmp_path: Path) -> None:
    names = "ZG_RUN,ZG_CRASH,NOTIFY_SOCKET,PYTHONUNBUFFERED,PYTHONSAFEPATH,WATCHDOG_USEC,INVOCATION_ID,OWN,HOME"
    systemd = {"WATCHDOG_USEC": "1", "INVOCATION_ID": "x", "NOTIFY_SOCKET": "/run/systemd/notify"}
    inherited = {**systemd, "PYTHONSAFEPATH": "1", "ZG_CRASH": "before a step, fuse none"}
    with act(tmp_path, {"splitter": {"role": f"shows {names}", "env": {"OWN": "1"}}}, inherited) as graph:
        assert graph.ends() == 0
    shown = dict(line.split("=", 1) for line in lines(graph, "splitter") if "=" in line)
    assert re.fullmatch("[0-9a-f]{12}", shown["ZG_RUN"])
    assert shown["NOTIFY_SOCKET"] == str(runfolder.base() / shown["ZG_RUN"] / "notify")
    assert (shown["PYTHONUNBUFFERED"], shown["OWN"], shown["HOME"]) == ("1", "1", os.environ["HOME"])
    assert shown["PYTHONSAFEPATH"] == ""  # it would hide the modules beside graph.yaml
    assert shown["WATCHDOG_USEC"] == shown["INVOCATION_ID"] == "nothing"
    assert shown["ZG_CRASH"] == "nothing"  # the launcher's own death is nobody else's


def test_orphans_come_to_the_launcher_and_are_reaped(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "orphans"}}) as graph:
        note = tmp_path / "orphan"
        until(lambda: note.exists() and note.read_text(), what="an orphan")
        orphan, parent = note.read_text().split()
        assert int(parent) == graph.process.pid
        until(lambda: not Path("/proc", orphan).exists(), what="the orphan to be reaped")
        graph.interrupt()
        assert graph.ends() == 0


def test_a_crash_loop_is_shown_as_such(tmp_path: Path) -> None:
    """With short rests: ten deaths take two minutes."""
    with act(tmp_path, {"splitter": {"role": "exits 1"}}) as graph:
        graph.interrupt()
        graph.ends()
    hurry = (
        "import sys, launcher; from host import deaths; deaths.FIRST_REST = 1e-3; sys.exit(launcher.main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hurry, "graph.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        deaths = []
        for line in process.stdout:
            deaths += [line] if "exited with 1" in line else []
            if "crash loop" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert len(deaths) == 10
    assert re.search(r"exited with 1, crash loop, restarts in (6\d|7[0-2]) s$", deaths[-1].rstrip())
