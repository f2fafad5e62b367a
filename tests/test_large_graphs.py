"""A check starts no process, reads each program once, and costs twice as much for twice the nodes, counted in calls."""

import json
import subprocess
import sys
from pathlib import Path

from tests.launch import ROOT

HOSTS = 3
KEYS = [f"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN{number}"[-40:] for number in range(HOSTS)]
STEP = 'def step(frames, *, folder="out"):\n    yield\n\n\nif __name__ == "__main__":\n    run(step)\n'
COUNTING = """
import json, sys
from collections import Counter
from launcher import main

def note(event, args):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec"):
        seen["processes"] += 1
    if event == "open" and str(args[0]).endswith("step.py"):
        seen["reads"] += 1

def count(frame, event, argument):
    seen["calls"] += event in ("call", "c_call")

sys.addaudithook(note)
seen, found = Counter(), []
for graph in sys.argv[1:]:
    seen.clear()
    sys.setprofile(count)
    code = main([graph, "check"])
    sys.setprofile(None)
    found.append({"code": code, **seen})
print(json.dumps(found))
"""


def test_a_chain_of_many_nodes(tmp_path: Path) -> None:
    fits([chain(tmp_path / str(count), count) for count in (20, 200, 400)])


def test_a_source_with_many_pullers_on_several_hosts(tmp_path: Path) -> None:
    fits([fan(tmp_path / str(count), count) for count in (20, 200, 400)])


def fits(graphs: list[Path]) -> None:
    """Check them all in one process: what it imports for the first one does not count for the others."""
    ran = subprocess.run(
        [sys.executable, "-c", COUNTING, *map(str, graphs)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    _, half, whole = json.loads(ran.stdout.splitlines()[-1])
    calls = half.pop("calls"), whole.pop("calls")
    assert half == whole == {"code": 0, "reads": 1}
    assert calls[1] < 2.1 * calls[0], calls


def chain(folder: Path, count: int) -> Path:
    middle = [f"  n{i}: {{run: step, pull: w{i - 1}, push: w{i}}}" for i in range(1, count - 1)]
    first, last = "  n0: {command: [cat], push: w0}", f"  last: {{run: step, pull: w{count - 2}}}"
    return written(folder, ["nodes:", first, *middle, last])


def fan(folder: Path, count: int) -> Path:
    """The source and a third of the others on one host."""
    numbers = range(1, count)
    far = [number for number in numbers if number % HOSTS]
    lines = [f'  h{i}: {{key: "{key}", address: 10.0.0.{i + 1}, port: 4000}}' for i, key in enumerate(KEYS)]
    return written(
        folder,
        [
            *("hosts:", *lines, "nodes:"),
            f"  n0: {{command: [cat], host: h0, push: [{', '.join(f'w{i}' for i in numbers)}]}}",
            *(f"  n{i}: {{run: step, host: h{i % HOSTS}, pull: w{i}}}" for i in numbers),
            *("wires:", *(f'  w{i}: {{address: "tcp://h{i % HOSTS}:{10_000 + 2 * i}"}}' for i in far)),
        ],
    )


def written(folder: Path, lines: list[str]) -> Path:
    folder.mkdir()
    (folder / "step.py").write_text(STEP)
    graph = folder / "graph.yaml"
    graph.write_text("\n".join([*lines, ""]))
    return graph
