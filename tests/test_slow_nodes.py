"""Nodes that do nothing for a while: who is only slow is left alone, and who hangs shows where."""

import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.acted import lines
from tests.conftest import until
from tests.launch import Launch
from tests.slow_start import converted, start_slowly

FRAMES = 40
GRAPH = """
nodes:
  watcher: {{run: nodes.watcher, push: frames, args: {{folder: in}}}}
  search: {{run: search, pull: frames, push: found, replicas: 2{more}}}
  converter: {{run: nodes.converter, pull: found, args: {{filter: invert, folder: converted}}}}
"""
SEARCH = '''
import re
import time
from pathlib import Path

from bus import run


def search(frames):
    for frame in frames:
        with open("seen", "a") as seen:
            seen.write(f"{frame.name}\\n")
        if frame.name == "5.png" and not Path("searched").exists():
            Path("searched").touch()
            backtrack()
        yield frame


def backtrack():
    """Hold the GIL, in one call, for so many seconds."""
    length, took = 16, 0.0
    while took < SECONDS:  # each doubles the time
        length, began = length + 1, time.monotonic()
        re.match(r"(a+)+$", "a" * length + "b")
        took = time.monotonic() - began
    print(f"held the GIL for {took:.1f} s", flush=True)


if __name__ == "__main__":
    run(search)
'''


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


def write(folder: Path, seconds: float, more: str = "") -> None:
    """A graph of files, whose second node holds the GIL at one of them."""
    (folder / "graph.yaml").write_text(GRAPH.format(more=more))
    (folder / "search.py").write_text(SEARCH.replace("SECONDS", str(seconds)))
    (folder / "in").mkdir()
    for number in range(FRAMES):
        Image.new("RGB", (32, 32), (6 * number, 0, 0)).save(folder / f"in/{number}.png")


def line_of(words: str) -> int:
    """Of search.py."""
    return SEARCH[: SEARCH.index(words)].count("\n") + 1


def red_of(file: Path) -> int:
    with Image.open(file) as image:
        return int(image.convert("RGB").tobytes()[0])


def test_a_regex_that_holds_the_gil_costs_a_redelivery_at_most(tmp_path: Path) -> None:
    write(tmp_path, 3.0)
    with Launch(tmp_path) as graph:
        graph.says("held the GIL for")
        until(lambda: len(converted(tmp_path)) == FRAMES, 60, f"all frames: {graph.output[-2000:]}")
        graph.interrupt()
        assert graph.ends() == 0
    seen = Counter((tmp_path / "seen").read_text().split())
    assert seen["5.png"] == 2  # the watcher gave it to the other replica
    assert len(seen) == FRAMES
    assert max(seen.values()) == 2
    for number in range(FRAMES):
        (result,) = (tmp_path / "converted").glob(f"{number}.*")
        assert abs(red_of(result) - (255 - 6 * number)) < 8
    assert f": converted {FRAMES}, dead letters 0, dropped 0, lost 0, waiting 0;" in graph.output
    assert not re.search("restarts|gives up|killed|failed", graph.output)


def test_a_regex_that_hangs_is_ended_and_its_place_is_in_the_log(tmp_path: Path) -> None:
    write(tmp_path, 600.0, ", stall: 2")
    with Launch(tmp_path) as graph:
        graph.says(r"was killed by SIGABRT, restarts at once")
        until(lambda: len(converted(tmp_path)) == FRAMES, 60, f"all frames: {graph.output[-2000:]}")
        graph.interrupt()
        assert graph.ends() == 0
    (hung,) = (name for name in ("search.1", "search.2") if any("aborted" in line for line in lines(graph, name)))
    said = "\n".join(lines(graph, hung))
    assert re.search(r"has held one message for \d\.\d s \(stall: 2\): aborted\nFatal Python error: Aborted", said)
    stack = [f'File "{tmp_path}/search.py", line {line_of(words)}' for words in ("re.match(", "backtrack()\n")]
    assert f"{stack[0]} in backtrack\n{stack[1]} in search\n" in said
    assert f": converted {FRAMES}, dead letters 0, dropped 0, lost 0, waiting 0;" in graph.output


def test_a_node_that_takes_long_to_import_and_to_set_up_is_not_killed(tmp_path: Path) -> None:
    start_slowly(tmp_path, 2.5)
