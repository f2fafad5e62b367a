"""The launcher as process 1, which nobody reaps for and which hears only what it asks to hear; and its Dockerfile."""

import fnmatch
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acted import act, chain
from tests.conftest import until
from tests.launch import ROOT, Launch, processes_in

FIRST = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")  # --kill-child: whatever the test does
BUDGET = 12.0  # seconds that a stop may take
LINES = (ROOT / "Dockerfile").read_text().splitlines()


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    if subprocess.run([*FIRST, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a namespace of processes")


def first(graph: Launch) -> int:
    """The process 1, by its pid outside."""
    children = Path("/proc", str(graph.process.pid), "task", str(graph.process.pid), "children")
    return until(lambda: int(children.read_text() or 0), what="a launcher")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_process_1_it_stops_in_order_and_leaves_nobody(tmp_path: Path, number: signal.Signals) -> None:
    with act(tmp_path, chain("lives", "lives", "stubborn"), under=FIRST) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        os.kill(first(graph), number)
        assert graph.ends(BUDGET) == 0
        assert processes_in(tmp_path) == {}
    assert graph.output.index("splitter  | stopped") < graph.output.index("converter | has not left: killed")


def test_as_process_1_it_hears_that_it_is_to_stop_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("import os, pathlib, signal\npathlib.Path('on').touch()\nsignal.pause()\n")
    with Launch(tmp_path, under=FIRST, env={"PYTHONPATH": str(tmp_path)}) as graph:
        until((tmp_path / "on").exists, what="the import")
        os.kill(first(graph), signal.SIGTERM)
        assert graph.ends(BUDGET) == 0


def test_as_process_1_it_reaps_the_orphans_of_all(tmp_path: Path) -> None:
    with act(tmp_path, {"splitter": {"role": "orphans"}}, under=FIRST) as graph:
        note = tmp_path / "orphan"
        until(lambda: note.exists() and note.read_text(), what="an orphan")
        assert note.read_text().split()[1] == "1"
        folder = Path("/proc", str(first(graph)), "task", str(first(graph)), "children")
        until(lambda: len(folder.read_text().split()) == 2, what="the orphan to be reaped: a janitor and a node stay")
        os.kill(first(graph), signal.SIGTERM)
        assert graph.ends(BUDGET) == 0


def test_a_real_graph_ends_well_as_process_1(tmp_path: Path) -> None:
    with Launch(tmp_path, "splitter.limit=20", under=FIRST) as graph:
        assert graph.ends() == 0
    assert "converted 20, dead letters 0, dropped 0, lost 0" in graph.output


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert kept == ["bus", "host", "media", "nodes", "launcher.py", "requirements.txt"]
    assert not any(fnmatch.fnmatch("keys/robot.key", name) for name in kept)


def test_what_the_image_holds_is_enough_to_run_a_graph(tmp_path: Path) -> None:
    """What the Dockerfile copies, started as it says."""
    project, graph = tmp_path / "opt", tmp_path / "graph"
    graph.mkdir()
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    project.mkdir()
    subprocess.run(["cp", "-r", *(str(ROOT / name) for name in kept), str(project)], check=True)
    [entry] = [line for line in LINES if line.startswith("ENTRYPOINT")]
    launcher = re.findall(r'"(.*?)"', entry)[1].replace("/opt/frames", str(project))
    (graph / "graph.yaml").write_text((ROOT / "graph.yaml").read_text())
    command = [sys.executable, launcher, "graph.yaml", "splitter.limit=5"]
    done = subprocess.run(command, cwd=graph, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "converted 5, " in done.stdout


def test_the_dockerfile_is_made_of_known_instructions_and_ends_as_nobodys_root() -> None:
    known = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    instructions = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
    assert {name for name, _ in instructions} == known
    assert instructions[0][0] == "ARG"
    assert [rest for name, rest in instructions if name == "USER"] == ["1000:1000"]
    assert all(shlex.split(rest) for name, rest in instructions if name == "RUN")
