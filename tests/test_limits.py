"""Nodes that hang or hold too much memory, under the real launcher."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host import limits
from tests.acted import act, lines
from tests.conftest import until


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def test_a_node_that_hangs_shows_where_and_lives_again(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "hangs", "stall": 1}}) as graph:
        graph.says(r"has held one message for \d\.\d s \(stall: 1\): aborted")
        assert graph.ends() == 0
    said = lines(graph, "splitter")
    assert "Fatal Python error: Aborted" in said
    assert any(line.startswith("was killed by SIGABRT, restarts in") for line in said)
    assert said[-1] == "ended"


def test_a_node_whose_session_holds_too_much_memory_is_killed(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "eats", "memory": "150MB"}}) as graph:
        assert graph.ends() == 0
    said = lines(graph, "splitter")
    assert said[0].startswith("holds 2") and said[0].endswith(" MB (memory: 150 MB): killed")
    assert said[1].startswith("was killed by SIGKILL, restarts in")


def test_who_takes_much_memory_at_once_is_killed_long_before_a_second_is_over(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "gorges 0.4", "memory": "150MB"}}) as graph:
        assert graph.ends() == 0
    assert not (tmp_path / "survived").exists()
    assert sum("(memory: 150 MB): killed" in line for line in lines(graph, "splitter")) == 6


EATS = "import sys; hold = b'x' * 100_000_000; print(flush=True); sys.stdin.read()"
LEADS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=sys.argv[2] == "True")
child.wait()
"""


@pytest.mark.parametrize("own_session", [False, True])
def test_memory_is_that_of_the_whole_family_also_of_a_child_in_a_session_of_its_own(own_session: bool) -> None:
    command = [sys.executable, "-c", LEADS, EATS, str(own_session)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as leader:  # the child shares its pipes
        assert leader.stdout
        assert leader.stdout.readline() == b"\n"
        assert limits.memory_by_family({leader.pid})[leader.pid] > 100_000_000
        assert 0 < limits.memory_of({leader.pid})[leader.pid] < 50_000_000
    assert limits.memory_of({leader.pid}) == {}


def test_a_process_that_has_gone_is_not_stopped() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert not limits.is_stopped(child)


def test_a_stopped_process_is_stopped_until_it_goes_on() -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    assert not limits.is_stopped(child)
    os.kill(child, signal.SIGSTOP)
    until(lambda: limits.is_stopped(child), what="it to stop")
    os.kill(child, signal.SIGCONT)
    until(lambda: not limits.is_stopped(child), what="it to go on")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
