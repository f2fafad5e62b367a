"""What nodes start and do not end themselves: it goes with the life that started it, or with the graph."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host import runfolder
from host.orphans import strays
from tests.acted import act, chain
from tests.conftest import until
from tests.launch import EVER, ROOT, Launch, processes_in, shell
from tests.test_stop import BUDGET, janitor_of, of_run, run_id


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


@pytest.fixture(autouse=True)
def nobody_left(tmp_path: Path) -> Iterator[None]:
    """Even if a test fails."""
    yield
    for pid in helpers(tmp_path):
        os.kill(pid, signal.SIGKILL)


def test_what_a_life_has_left_in_sessions_of_its_own_is_gone_before_the_next(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "helped"}}) as graph:
        for life in (1, 2, 3):
            graph.says(f"(?s)(ready after.*){{{life}}}")
            assert len(helpers(tmp_path)) == 1
            graph.kill("splitter.1")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
    assert len(helpers(tmp_path)) == 0


def helpers(folder: Path) -> list[int]:
    return [pid for pid, line in processes_in(folder).items() if line[0] == "sleep"]


def test_what_descends_from_the_living_is_none_of_those_that_are_looked_at_after_a_death() -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid, flush=True)"
    held = f"{script}; input()"
    with subprocess.Popen(
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as living:
        assert living.stdout
        grandchild = int(living.stdout.readline())
        assert {living.pid, grandchild} <= strays(())
        assert not {living.pid, grandchild} & strays([living.pid])
        os.kill(grandchild, signal.SIGKILL)


def test_a_daemon_that_hides_from_the_janitor_is_gone_when_the_graph_has_stopped(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "hides"}}) as graph:
        graph.says("ready after")
        (hidden,) = until(lambda: helpers(tmp_path), what="the daemon to have hidden")
        assert hidden not in of_run(run_id())
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
        assert helpers(tmp_path) == []


def test_a_child_that_the_launcher_had_before_it_was_one_is_spared(tmp_path: Path) -> None:
    before = shell('sleep 600 & echo $! >stranger; exec "$@"')
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=before) as graph:
        graph.says("ready after")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
        assert helpers(tmp_path) == [int((tmp_path / "stranger").read_text())]
        os.kill(helpers(tmp_path)[0], signal.SIGKILL)


def test_survivors_of_a_launcher_and_a_janitor_that_were_killed_are_gone_before_the_graph_starts_again(
    tmp_path: Path,
) -> None:
    with act(tmp_path, chain("stubborn", "lives", "stubborn")) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        run, survivors = run_id(), of_run(run_id())
        os.kill(janitor_of(run), signal.SIGKILL)
        graph.process.kill()
        graph.ends()
        assert of_run(run) == survivors
        (runfolder.base() / run / "frames").touch()
        with Launch(tmp_path, env={"PYTHONPATH": str(ROOT)}) as again:
            until(lambda: again.output.count("ready after") == 3, what="everyone again")
            assert of_run(run) == []
            assert run_id() != run
            again.interrupt()
            again.says("stops on")
            again.interrupt()
            assert again.ends(BUDGET) == 0
    assert list(runfolder.base().iterdir()) == []


def test_nodes_go_when_their_launcher_and_its_janitor_are_killed(tmp_path: Path) -> None:
    with Launch(tmp_path, *EVER) as graph:
        until(lambda: graph.output.count("ready after") == 4, what="everyone")
        os.kill(janitor_of(run_id()), signal.SIGKILL)
        graph.process.kill()
        until(lambda: not processes_in(tmp_path), 6, "all nodes to be gone")
    with Launch(tmp_path, "splitter.source=test:forever", "splitter.limit=1") as again:
        again.says("ready after")
        again.interrupt()
        assert again.ends(BUDGET) == 0
    assert list(runfolder.base().iterdir()) == []


def test_a_process_whose_run_has_been_swept_is_told_so(tmp_path: Path) -> None:
    node = [sys.executable, "-m", "nodes.watcher", f"--run={tmp_path}/gone", f"--folder={tmp_path}"]
    done = subprocess.run(node, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"--run={tmp_path}/gone is no folder")
