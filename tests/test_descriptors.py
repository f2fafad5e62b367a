"""The limit of file descriptors: enough, or a line that says how many are needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from bus import descriptors
from bus.link import Pipe
from tests.acted import act
from tests.conftest import until
from tests.launch import EVER, ROOT, Launch, files, open_descriptors, shell


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    runtime = tmp_path_factory.mktemp("runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime


def limited(count: int) -> tuple[str, ...]:
    """A shell that lets its programs have so many descriptors, and no more."""
    return shell(f'ulimit -n {count}; exec "$@"')


def words(who: str, needed: int, limit: int) -> str:
    cure = f'raise the limit with "ulimit -n {needed}", as root if need be'
    return f"{who} needs {needed} file descriptors, but this system allows {limit}: {cure}\n"


@pytest.mark.parametrize(("limit", "replicas", "needed"), [(32, 2, 52), (64, 30, 220)])
def test_a_graph_whose_node_needs_more_than_there_are_is_refused_before_anything_starts(
    tmp_path: Path, runtime: Path, limit: int, replicas: int, needed: int
) -> None:
    with Launch(tmp_path, f"converter.replicas={replicas}", under=limited(limit)) as graph:
        assert graph.ends() == 2
    assert graph.output == "graph.yaml: " + words('"watcher"', needed, limit)
    assert files(tmp_path) == ["graph.yaml", "launcher-0.log"]
    assert files(runtime) == []


def test_a_graph_whose_launcher_needs_more_than_there_are_is_refused(tmp_path: Path) -> None:
    with act(tmp_path, {"feeder": {"role": "lives", "replicas": 40}}, under=limited(64)) as graph:
        assert graph.ends() == 2
    assert graph.output == "graph.yaml: " + words("the launcher", 112, 64)


def test_a_node_by_hand_that_needs_more_than_there_are_says_so_and_ends(tmp_path: Path) -> None:
    pipes = [f"--push=ipc://{tmp_path}/{number},peer=converter.{number}" for number in range(30)]
    node = [sys.executable, "-m", "nodes.watcher", f"--folder={tmp_path}", "--name=watcher.1", *pipes]
    done = subprocess.run([*limited(64), *node], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == words("watcher.1", 212, 64)


def test_64_are_enough_for_the_default_graph(tmp_path: Path) -> None:
    with Launch(tmp_path, "splitter.limit=3", under=limited(64)) as graph:
        assert graph.ends() == 0
    assert [file for file in files(tmp_path) if file.startswith("converted/")] == [
        f"converted/test-0000000{number}.jpg" for number in range(3)
    ]


def test_a_node_has_as_many_open_as_were_counted_and_a_launcher_raises_what_a_shell_set_too_low(tmp_path: Path) -> None:
    low = shell('ulimit -Sn 18; exec "$@"')
    with Launch(tmp_path, *EVER, "converter.replicas=4", under=low) as graph:
        until(lambda: graph.output.count("ready after") == 6, 30, "everyone")
        bound, dialled = Pipe("ipc://a", bind=True), Pipe("ipc://a")
        for replica, pipes in {
            "splitter.1": [dialled],
            "watcher.1": [bound, *[dialled] * 4],
            "converter.1": [bound],
        }.items():
            needed, there_are = descriptors.needed(pipes), open_descriptors(graph.pid(replica))
            assert needed - descriptors.OWN < there_are <= needed, replica
        graph.interrupt()
        assert graph.ends() == 0
