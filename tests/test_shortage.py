"""A machine that is short of something, as the launcher meets it: it waits, and tries again."""

import os
import re
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.acted import act, lines
from tests.conftest import need, until
from tests.launch import open_descriptors, processes_in
from tests.test_stop import janitor_of, run_id

NOW = "Resource temporarily unavailable"


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def failing(*calls: str) -> tuple[str, ...]:
    """strace, which has system calls of the launcher fail: which, `:error=` with what, `:when=` of their counts."""
    need("strace")
    options = [word for call in calls for word in ("-e", f"inject={call}")]
    return "strace", "-D", "-qq", "-o", "/dev/null", *options


def forks(when: str) -> tuple[str, ...]:
    """Those of fork that fail with EAGAIN, as at the limit of processes. The first starts the janitor."""
    return "?vfork:error=EAGAIN", f"clone,?clone3:error=EAGAIN:when={when}"  # Python tries vfork first, then fork


def test_a_child_that_cannot_be_started_for_want_of_descriptors_is_started_later(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.says("ready after")
        there_are = open_descriptors(graph.process.pid)
        before = resource.prlimit(graph.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(graph.process.pid, resource.RLIMIT_NOFILE, (there_are, before[1]))
        graph.kill("splitter.1")
        graph.says("cannot be started .*: Too many open files")
        resource.prlimit(graph.process.pid, resource.RLIMIT_NOFILE, before)
        until(lambda: graph.output.count("ready after") == 2, what="its next life")
        assert open_descriptors(graph.process.pid) == there_are
        graph.interrupt()
        assert graph.ends() == 0
    assert "Traceback" not in graph.output


@pytest.mark.parametrize("calls", [forks("2..3"), ["pidfd_open:error=EMFILE:when=1..2"]])
def test_a_child_that_cannot_be_started_at_first_is_started_later_and_once(
    tmp_path: Path, calls: Sequence[str]
) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=failing(*calls)) as graph:
        graph.says("ready after")
        assert len([line for line in processes_in(tmp_path).values() if "--name=splitter.1" in line]) == 1
        graph.interrupt()
        assert graph.ends() == 0
    said = lines(graph, "splitter")
    assert " cannot be started in " in said[0]
    assert re.fullmatch(r"exited with 71, restarts in 0\.\d+ s", said[1])


def test_a_launcher_that_cannot_start_a_janitor_starts_nothing(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=failing(*forks("1..2"))) as graph:
        assert graph.ends() == 2
    assert graph.output == f"graph.yaml: no process can be started now: {NOW}\n"


def test_a_janitor_that_cannot_be_replaced_now_is_replaced_later(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=failing(*forks("3..4"))) as graph:
        graph.says("ready after")
        os.kill(janitor_of(run_id()), signal.SIGKILL)
        graph.says("the janitor has died: another one takes over")
        graph.interrupt()
        assert graph.ends() == 0
    assert lines(graph, "graph")[1] == f"cannot look after the nodes now: {NOW}"
