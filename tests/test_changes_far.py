"""A graph over several hosts that is changed while it runs: each launcher applies its part of it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import until
from tests.linked import HOSTS, Linked, ports

FRAMES = 200  # of the test camera, ten a second: 20 s
DIFFERENT = r'the wire "frames" waits: graph.yaml says "watcher x 1 > converter x \d; keep: all" here'


@pytest.fixture
def linked(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> Linked:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    return Linked(tmp_path, ports(24_000, worker_id))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def edit(linked: Linked, host: str, **keys: object) -> None:
    """Change the converter in the copy of `host`."""
    file = linked.folders[host] / "graph.yaml"
    graph = json.loads(file.read_text())
    graph["nodes"]["converter"].update(keys)
    file.write_text(json.dumps(graph, indent=1))


@pytest.mark.timeout(180)
def test_while_the_copies_differ_the_wire_waits_and_then_it_goes_on(linked: Linked, stack: ExitStack) -> None:
    camera = ("splitter.source=test", "splitter.size=160x90", "splitter.rate=10", f"splitter.limit={FRAMES}")
    launches = {name: stack.enter_context(linked.launch(name, *(camera if name == "robot" else ()))) for name in HOSTS}
    until(lambda: len(linked.saved) > 10, 60, "results")
    splitter = launches["robot"].pid("splitter.1")

    edit(linked, "station", args={"filter": "grayscale"})  # of which nobody else need know
    launches["station"].says("converter: filter invert -> grayscale; restarts", 20)
    seen = len(linked.saved)
    until(lambda: len(linked.saved) > seen + 10, 60, "results of the new filter")

    edit(linked, "station", replicas=1)
    launches["station"].says(DIFFERENT, 20)
    launches["robot"].says(DIFFERENT, 20)
    edit(linked, "desk", replicas=1)
    edit(linked, "robot", replicas=1)
    launches["robot"].says(r"converter: replicas 2 -> 1 \(on station\)", 20)
    seen = len(linked.saved)
    until(lambda: len(linked.saved) > seen + 10, 60, f"results again: {launches['robot'].output[-2000:]}")
    until(lambda: linked.sees("robot") and linked.sees("robot")["nodes"][2]["replicas"], 30, "what the robot sees")
    assert [one["name"] for one in linked.sees("robot")["nodes"][2]["replicas"]] == ["converter.1"]
    assert launches["robot"].pid("splitter.1") == splitter

    for launch in launches.values():
        assert launch.ends(90) == 0, launch.output[-3000:]
    assert linked.saved == [f"test-{number:08d}.jpg" for number in range(FRAMES)]
