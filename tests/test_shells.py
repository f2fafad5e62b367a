"""The launcher as shells start it: behind a pipe, in the background, under nohup, with descriptors closed."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acted import act
from tests.conftest import until
from tests.launch import ROOT, Launch, files, shell
from tests.test_stop import BUDGET, janitor_of, run_id

LAUNCHER = [sys.executable, str(ROOT / "launcher.py")]
RESULTS = [f"converted/test-0000000{number}.jpg" for number in range(3)]


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    runtime = tmp_path_factory.mktemp("runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime


def converted(folder: Path) -> list[str]:
    return [file for file in files(folder) if file.startswith("converted/")]


def test_a_graph_whose_launcher_has_its_standard_files_closed_is_done_as_any_other(tmp_path: Path) -> None:
    with Launch(tmp_path, "splitter.limit=3", under=shell('exec "$@" <&- >&- 2>&-')) as graph:
        assert graph.ends() == 0
    assert graph.output == ""
    assert converted(tmp_path) == RESULTS


def test_no_file_of_the_launcher_takes_the_place_of_a_standard_file_that_was_closed(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=shell('exec "$@" <&- >&- 2>&-')) as graph:
        graph.pid("splitter.1")
        standard = [Path(f"/proc/{pid}/fd/2").readlink() for pid in (graph.process.pid, janitor_of(run_id()))]
        graph.interrupt()
        assert graph.ends(BUDGET) == 0
    assert standard == [Path(os.devnull)] * 2


def test_a_graph_whose_reader_wants_one_line_is_done_as_any_other(tmp_path: Path) -> None:
    script = shell('"$@" | head -n 1; exit ${PIPESTATUS[0]}')
    with Launch(tmp_path, "splitter.limit=3", under=("bash", *script[1:])) as graph:
        assert graph.ends() == 0
    assert [line.split("|")[1].split()[0] for line in graph.output.splitlines()] == ["runs"]
    assert converted(tmp_path) == RESULTS


@pytest.mark.parametrize("verb", ["check", "print"])
def test_who_reads_no_more_of_what_a_verb_says_sees_no_traceback(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # then the end is when it fails
    (tmp_path / "graph.yaml").write_text((ROOT / "graph.yaml").read_text())
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*LAUNCHER, "graph.yaml", verb], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_under_nohup_a_graph_outlives_its_terminal(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=["nohup"]) as graph:
        graph.says("ready after")
        graph.process.send_signal(signal.SIGHUP)
        graph.kill("splitter.1")
        until(lambda: graph.output.count("ready after") == 2, what="its next life, and so no stop")
        graph.process.send_signal(signal.SIGTERM)
        assert graph.ends(BUDGET) == 0
    assert "SIGHUP" not in graph.output
    assert "stops on SIGTERM" in graph.output


def test_in_the_background_of_a_script_a_graph_runs_and_can_be_interrupted(tmp_path: Path) -> None:
    """Where Ctrl-C is ignored at the start."""
    script = shell('"$@" & echo $! >pid; wait $!; exit $?')
    with act(tmp_path, {"splitter": {"role": "lives"}}, under=script) as graph:
        graph.says("ready after")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGINT)
        assert graph.ends(BUDGET) == 0
    assert "stops on SIGINT" in graph.output


def test_a_terminal_that_is_closed_stops_the_graph(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "lives"}}) as graph:
        graph.interrupt()  # its graph.yaml is what counts
        graph.ends()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execvpe(LAUNCHER[0], [*LAUNCHER, "graph.yaml"], {**os.environ, "PYTHONPATH": str(ROOT)})
    said = b""
    while b"ready after" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG), BUDGET, "its end")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
