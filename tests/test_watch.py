"""`launcher.py graph.yaml status`, and the table under the launcher's own lines."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acted import act, chain
from tests.conftest import until
from tests.launch import ROOT, processes_in
from tests.terminal import Terminal, texts


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(80, 24)
    yield made
    made.close()


def status(folder: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "status", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **env}, timeout=60
    )


def test_a_graph_that_does_not_run_here_is_said_so_and_the_exit_code_is_1(tmp_path: Path) -> None:
    with act(tmp_path, chain()) as graph:
        graph.interrupt()
        graph.ends()
    done = status(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "graph.yaml does not run here\n"


def test_a_running_graph_is_shown_without_a_terminal(tmp_path: Path) -> None:
    with act(tmp_path, chain()) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="all three")
        until(lambda: "watcher    runs" in status(tmp_path, COLUMNS="80").stdout, what="a table")
        done = status(tmp_path, COLUMNS="80")
        assert done.returncode == 0
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert "\x1b" not in done.stdout
        running = [line.split()[0] for line in done.stdout.splitlines() if " runs " in line]
        assert running == ["splitter", "watcher", "converter"]
        [object_] = status(tmp_path, "--json").stdout.splitlines()
        assert [node["name"] for node in json.loads(object_)["nodes"]] == ["splitter", "watcher", "converter"]
        graph.interrupt()
        graph.ends()


def test_watch_goes_on_until_the_graph_has_ended(tmp_path: Path) -> None:
    with act(tmp_path, chain()) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="all three")
        command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "status", "--watch", "--json"]
        watch = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert watch.stdout
        first, second = (json.loads(watch.stdout.readline()) for _ in range(2))
        assert second["at"] > first["at"]
        graph.interrupt()
        graph.ends()
        watch.communicate(timeout=20)
        assert watch.returncode == 0


def test_ctrl_c_ends_a_watch_quietly(tmp_path: Path) -> None:
    with act(tmp_path, chain()) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="all three")
        command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", "status", "--watch"]
        watch = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert watch.stdout
        watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        text, _ = watch.communicate(timeout=20)
        assert watch.returncode == 0
        assert "Traceback" not in text
        graph.interrupt()
        graph.ends()


def launched(folder: Path, terminal: Terminal, *words: str, **env: str) -> "subprocess.Popen[bytes]":
    """The launcher, on a terminal."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=terminal.inner,
        stderr=terminal.inner,
        env={**os.environ, "TERM": "xterm", **env},
        start_new_session=True,
    )


def test_on_a_terminal_the_table_stands_below_the_lines_and_stays_at_the_end(
    tmp_path: Path, terminal: Terminal
) -> None:
    words = ["splitter.source=test", "splitter.limit=60", "splitter.size=160x120"]
    (tmp_path / "graph.yaml").write_text((ROOT / "graph.yaml").read_text())
    launcher = launched(tmp_path, terminal, *words)
    try:
        until(lambda: re.search(r"splitter ━*.* of 60", "\n".join(terminal.read())), 20, "a bar")
        assert terminal.read()[-1] == ""
        until(lambda: (terminal.read(), launcher.poll())[1] is not None, 60, "the end")
        shown = terminal.read()
    finally:
        if launcher.poll() is None:
            launcher.kill()
        launcher.wait()
        until(lambda: not processes_in(tmp_path))
    everything = [*terminal.scrolled, *shown]
    last = next(place for place, line in enumerate(shown) if "all done: converted 60" in line)
    table = shown[last + 1 :]
    assert any(line.startswith("done ") and "done 60, waiting 0" in line for line in table)
    assert any(re.match(r"converter x 2 +ended", line) for line in table)
    assert any(line.endswith("60 of 60") for line in table)
    assert table[-1] == ""
    assert sum(line.startswith("node ") for line in everything) == 1, everything
    assert "ended" in texts(everything)


def test_a_dumb_terminal_gets_lines_alone(tmp_path: Path, terminal: Terminal) -> None:
    nodes = chain("ends", "ends", "ends")
    with act(tmp_path, nodes) as graph:  # which writes the graph
        graph.ends()
    launcher = launched(tmp_path, terminal, TERM="dumb", NO_COLOR="1", PYTHONPATH=str(ROOT))
    until(lambda: launcher.poll() is not None, 30, "the end")
    text = os.read(terminal.outer, 65536).decode()
    assert "\x1b" not in text
    assert "all done" in text
    assert launcher.returncode == 0


def test_who_stops_reading_the_terminal_stops_nobody(tmp_path: Path, terminal: Terminal) -> None:
    (tmp_path / "graph.yaml").write_text((ROOT / "graph.yaml").read_text())
    words = ["splitter.source=test", "splitter.limit=100", "splitter.rate=200", "splitter.size=160x120"]
    began = time.monotonic()
    launcher = launched(tmp_path, terminal, *words)  # nobody reads what it says
    until(lambda: launcher.poll() is not None, 60, "the end")
    assert launcher.returncode == 0
    assert len([*(tmp_path / "converted").iterdir()]) == 100
    assert time.monotonic() - began < 60
