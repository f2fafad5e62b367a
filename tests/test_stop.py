"""How a graph stops: when it is asked to, when it is told to, and when its launcher is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host import runfolder
from tests.acted import act, chain, lines
from tests.conftest import until
from tests.launch import ROOT, Launch

BUDGET = 10.0  # seconds that Ctrl-C may take


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def run_id() -> str:
    """That of the one graph that runs."""
    return next(path.name for path in runfolder.base().iterdir() if runfolder.RUN.fullmatch(path.name))


def of_run(run: str) -> list[int]:
    """All living processes that carry the run's id."""
    return [pid for pid in _pids() if f"ZG_RUN={run}\0".encode() in _facts(pid, "environ")]


def janitor_of(run: str) -> int:
    """The janitor of a run, which must be there soon."""
    command = f"janitor.py\0{run}\0".encode()
    return until(lambda: next((pid for pid in _pids() if command in _facts(pid, "cmdline")), 0), what="a janitor")


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _facts(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # it has just ended, or is not ours


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_source_is_stopped_first_and_the_sink_when_all_others_have_gone(
    tmp_path: Path, number: signal.Signals
) -> None:
    with act(tmp_path, chain("lives", "lives 0.3", "lives")) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        graph.process.send_signal(number)
        assert graph.ends(BUDGET) == 0
    words = [line.split(" ", 1)[1] for line in graph.output.splitlines() if "asked" in line or line.endswith("stopped")]
    assert [word.split()[0] for word in words] == [name for name in ("splitter", "watcher", "converter") for _ in "ab"]
    assert graph.output.count("asked to leave") == graph.output.count("| stopped\n") == 3


def test_a_slow_node_holds_up_those_behind_it_for_a_short_time_only(tmp_path: Path) -> None:
    with act(tmp_path, chain("lives 2", "lives", "lives")) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
    assert graph.output.index("watcher   | stopped") < graph.output.index("splitter  | stopped")


def test_a_child_that_rests_when_the_graph_stops_is_not_started_again(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "exits 1"}}) as graph:
        graph.says("restarts in 1")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
    assert len(lines(graph, "splitter")) == 2


def test_a_child_that_was_stopped_by_a_signal_hears_that_it_is_to_leave(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.says("ready after")
        os.kill(graph.pid("splitter.1"), signal.SIGSTOP)
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
    assert lines(graph, "splitter")[-2:] == ["asked to leave", "stopped"]


def test_who_does_not_leave_is_killed_in_time_and_its_daemon_too(tmp_path: Path) -> None:
    with act(tmp_path, chain("lives", "lives", "stubborn")) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        run = run_id()
        assert len(of_run(run)) == 4
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
        assert of_run(run) == []
    assert lines(graph, "converter")[-2:] == ["has not left: killed", "stopped: was killed by SIGKILL"]


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_that_is_a_ctrl_c_kills_at_once(tmp_path: Path, first: signal.Signals) -> None:
    with act(tmp_path, chain("stubborn", "stubborn", "stubborn")) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        run = run_id()
        graph.process.send_signal(first)
        graph.says(f"stops on {first.name}")
        graph.process.send_signal(signal.SIGTERM)  # no more than was asked already
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
        assert of_run(run) == []
    assert "has not left" not in graph.output
    assert lines(graph, "graph")[-2] == "kills all at once"


def test_nothing_is_left_6_seconds_after_the_launcher_was_killed(tmp_path: Path) -> None:
    with act(tmp_path, chain("stubborn", "lives", "stubborn")) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        run = run_id()
        janitor = janitor_of(run)
        assert len(of_run(run)) == 5
        graph.process.kill()
        until(lambda: not of_run(run), 6, "all of the run to be gone")
        until(lambda: not _facts(janitor, "cmdline"), 2, "the janitor to be gone")


def test_a_graph_whose_launcher_was_killed_can_be_started_again(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.says("ready after")
        stale = runfolder.base() / run_id()
        graph.process.kill()
        graph.ends()
    with Launch(tmp_path, env={"PYTHONPATH": str(ROOT)}) as again:
        again.says("ready after")
        assert not stale.exists()
        again.interrupt()
        assert again.ends(BUDGET) == 0


def test_a_second_launcher_of_a_graph_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.says("ready after")
        second = subprocess.run(
            [sys.executable, ROOT / "launcher.py", tmp_path / "graph.yaml"],
            capture_output=True,
            text=True,
            timeout=BUDGET,
        )
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
    pid = graph.process.pid
    words = f"{tmp_path}/graph.yaml runs already under the launcher with pid {pid}: stop that one first\n"
    assert (second.returncode, second.stdout, second.stderr) == (2, "", words)


def test_a_janitor_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.says("ready after")
        os.kill(janitor_of(run_id()), signal.SIGKILL)
        graph.says("the janitor has died: another one takes over")
        assert janitor_of(run_id())
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


def test_a_reader_that_leaves_does_not_stop_the_graph(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "works 1"}}) as graph:
        assert graph.ends() == 0
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(BUDGET) == 0
