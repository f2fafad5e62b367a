"""Frames that kill their node, under the real launcher: each becomes a dead letter, and all others are converted."""

import json
import re
import socket
from pathlib import Path
from typing import Any

from PIL import Image

from tests.confined import confined
from tests.launch import Launch, files
from tests.overload.painted import number_in, paint

FRAMES = 60
SIZE = 128, 48  # pixels
HOW = {  # how each dies -> what its dead letter says of that
    "exits": "exited with 9",
    "segfaults": "was killed by SIGSEGV",
    "segfaults_in_a_thread": "was killed by SIGSEGV",
    "hangs": r"has held one message for \d+\.\d s \(stall: 1\): aborted",
    "eats": r"holds \d+ MB \(memory: 150 MB\): killed",
    "overeats": "was killed by SIGKILL",
    "raises": "RuntimeError: no idea what {name} is",
}
LIMITS: dict[str, dict[str, Any]] = {"hangs": {"stall": 1}, "eats": {"memory": "150MB"}}
DEAD = r"(?:exited with 9|was killed by \w+), .*restarts"

Nodes = dict[str, dict[str, str]]  # node -> the number of a frame -> what that does to it


def write_graph(folder: Path, nodes: Nodes, replicas: int = 1, batch: int = 1) -> None:
    """FRAMES images go to each of `nodes`, which die of some; what they pass on is saved below their names."""
    (folder / "images").mkdir()
    for number in range(FRAMES):
        Image.fromarray(paint(number, *SIZE)).save(folder / "images" / f"{number:02d}.png")
    wires = [f"to_{name}" for name in nodes]
    graph: dict[str, dict[str, Any]] = {
        "splitter": {"run": "nodes.splitter", "push": "streams", "args": {"source": "images/*.png", "folder": "spool"}},
        "watcher": {"run": "nodes.watcher", "pull": "streams", "push": wires, "args": {"folder": "spool"}},
        "saver": {"run": "nodes.saver", "pull": "results", "args": {"folder": "saved", "sync": False}},
    }
    for name, wire in zip(nodes, wires, strict=True):
        graph[name] = {"run": "tests.poison", "pull": wire, "push": "results", "replicas": replicas}
        graph[name]["args"] = {"deaths": nodes[name], "batch": batch}
        for death in nodes[name].values():
            graph[name] |= LIMITS.get(death, {})
    (folder / "graph.yaml").write_text(json.dumps({"nodes": graph}))


def assert_only_the_guilty(folder: Path, output: str, nodes: Nodes) -> None:
    """Each poison is a dead letter with the right words, every other frame a right result, and the books balance."""
    letters, guilty = (
        folder / "spool" / "dead-letters",
        [name for deaths in nodes.values() for name in map(named, deaths)],
    )
    for node, deaths in nodes.items():
        innocent = [named(number) for number in range(FRAMES) if str(number) not in deaths]
        assert files(folder / "saved" / node) == innocent
        for name in innocent:
            assert shown(folder / "saved" / node / name) == int(name[-12:-4])
        for number, death in deaths.items():
            name = named(number)
            words = HOW[death].format(name=re.escape(name))
            letter = (letters / f"{name}.txt").read_text()
            assert re.fullmatch(rf"{node} on {re.escape(socket.gethostname())}: {words} \(3 times\)\n", letter)
            assert shown(letters / name) == int(number)
    assert files(letters) == sorted([*guilty, *(f"{name}.txt" for name in guilty)])
    done = FRAMES - len(guilty)
    assert f"all done: converted {done}, dead letters {len(guilty)}, dropped 0, lost 0, waiting 0;" in output


def named(number: int | str) -> str:
    return f"images-{int(number):08d}.jpg"


def shown(path: Path) -> int:
    with Image.open(path) as image:
        return number_in(image)


def died(output: str, node: str) -> int:
    """How often a replica of `node` died."""
    return len(re.findall(rf" {node}(?:\.\d)? +\| {DEAD}", output))


def test_each_frame_that_kills_its_node_three_times_becomes_a_dead_letter_whatever_it_dies_of(tmp_path: Path) -> None:
    nodes = {
        "a": {"11": "exits"},
        "b": {"22": "segfaults", "23": "exits"},  # two at once
        "c": {"33": "hangs"},
        "d": {"44": "eats"},
        "e": {"50": "segfaults_in_a_thread"},
        "f": {"55": "raises"},
    }
    write_graph(tmp_path, nodes)
    with Launch(tmp_path) as graph:
        assert graph.ends() == 0
        output = graph.output
    assert_only_the_guilty(tmp_path, output, nodes)
    assert {node: died(output, node) for node in nodes} == {"a": 3, "b": 6, "c": 3, "d": 3, "e": 3, "f": 0}
    assert output.count(f"failed on {named(55)}") == 3


def test_of_a_batch_only_the_guilty_one_is_set_aside_and_its_neighbour_dies_once_more_at_most(
    tmp_path: Path,
) -> None:
    nodes = {"a": {"11": "exits"}, "b": {"22": "segfaults"}, "c": {"33": "hangs"}, "d": {"44": "eats"}}
    write_graph(tmp_path, nodes, replicas=2, batch=4)
    with Launch(tmp_path) as graph:
        assert graph.ends() == 0
        output = graph.output
    assert_only_the_guilty(tmp_path, output, nodes)
    for node in nodes:
        assert 3 <= died(output, node) <= 3 + 1, node


def test_a_frame_goes_on_to_be_deadly_until_it_is_set_aside_though_those_who_count_are_killed(tmp_path: Path) -> None:
    nodes = {"a": {"11": "exits"}}
    write_graph(tmp_path, nodes)
    with Launch(tmp_path) as graph:
        graph.says("exited with 9")
        graph.kill("watcher.1")
        graph.says("(?s)watcher .*was killed by SIGKILL.*exited with 9")
        graph.process.kill()
    with Launch(tmp_path) as graph:
        assert graph.ends() == 0
        output = graph.output
    assert "frames that were taken before" in output
    assert died(output, "a") == 3, "a new launcher counts from the start"
    before = FRAMES - 1 - int(re.findall(r"converted (\d+), ", output)[0])
    assert_only_the_guilty(
        tmp_path, output.replace(f"converted {FRAMES - 1 - before}", f"converted {FRAMES - 1}"), nodes
    )


def test_a_frame_for_which_the_kernel_runs_out_of_memory_is_blamed_like_any_other(tmp_path: Path) -> None:
    nodes = {"a": {"11": "overeats"}}
    write_graph(tmp_path, nodes)
    with Launch(tmp_path) as graph, confined(graph.process.pid, 500_000_000):
        assert graph.ends() == 0
        output = graph.output
    assert_only_the_guilty(tmp_path, output, nodes)
    assert died(output, "a") == 3
