"""Hosts that reboot after a node on the other one has ended: real launchers that talk, on one machine."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from host import keyring
from tests.conftest import until
from tests.launch import Launch
from tests.linked import LOCAL, ports

HOSTS = "robot", "station"
NODES = {
    "brief": """
def brief(*, stream):
    for number in range(1, 4):
        yield Message(b"x", stream=stream, number=number, name=f"{stream}-{number}")
""",
    "long": """
def long(*, stream, until):
    number = 0
    while not Path(until).exists():
        number += 1
        wait("is not to end yet", 0.1)
        yield Message(b"x", stream=stream, number=number, name=f"{stream}-{number}")
""",
    "passing": "def passing(messages):\n    yield from messages\n",
    "keeping": """
def keeping(messages):
    for message in messages:
        Path("kept", message.name).write_bytes(message.bytes)
""",
}


class Pair:
    """Two sources on the robot, one on the station; what all of them make goes by way of the station to the robot."""

    def __init__(self, folder: Path, port: int) -> None:
        """`port`: the first of nine."""
        self.folders = {name: folder / name for name in HOSTS}
        for place in self.folders.values():
            place.mkdir()
        keys = {name: keyring.make(self.folders[name], name) for name in HOSTS}
        (self.folders["robot"] / "kept").mkdir()
        graph = {
            "hosts": {
                "robot": {"key": keys["robot"]},
                "station": {"key": keys["station"], "address": LOCAL, "port": port + 8},
            },
            "wires": {
                "there": {"address": f"tcp://station:{port}"},
                "back": {"address": f"tcp://station:{port + 4}"},
            },
            "nodes": {
                "first": {"run": "brief", "host": "robot", "push": "there", "args": {"stream": "first"}},
                "second": {"run": "long", "host": "robot", "push": "there", "args": {"stream": "second", "until": "x"}},
                "third": {"run": "brief", "host": "station", "push": "back", "args": {"stream": "third"}},
                "middle": {"run": "passing", "host": "station", "pull": "there", "push": "back"},
                "last": {"run": "keeping", "host": "robot", "pull": "back"},
            },
        }
        for place in self.folders.values():
            (place / "graph.yaml").write_text(json.dumps(graph))  # JSON is YAML
            for name, code in NODES.items():
                head = "from pathlib import Path\n\nfrom bus import Message, run, wait\n"
                (place / f"{name}.py").write_text(f'{head}{code}\nif __name__ == "__main__":\n    run({name})\n')

    def launch(self, host: str) -> Launch:
        return Launch(self.folders[host], f"--host={host}")

    def may_end(self) -> None:
        """Let the source end that goes on until then."""
        (self.folders["robot"] / "x").touch()

    @property
    def kept(self) -> list[str]:
        return [path.name for path in (self.folders["robot"] / "kept").iterdir()]


@pytest.fixture
def pair(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> Pair:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    return Pair(tmp_path, ports(21_000, worker_id))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(("who", "ended", "where"), [("station", "first", "robot"), ("robot", "third", "station")])
def test_a_host_that_reboots_learns_from_the_other_launcher_what_has_ended_there_before(
    pair: Pair, stack: ExitStack, who: str, ended: str, where: str
) -> None:
    launches = {name: stack.enter_context(pair.launch(name)) for name in HOSTS}
    launches[where].says(rf"{ended} +\| ended")
    until(lambda: "second-1" in pair.kept, 30, "a message that has come home")
    launches[who].process.kill()
    launches[who].process.wait()
    launches[who] = stack.enter_context(pair.launch(who))
    launches[who].says(r"link +\| \S+ is up: ")
    pair.may_end()
    for launch in launches.values():
        assert launch.ends(60) == 0, launch.output
    assert {"first-1", "first-3", "third-3"} <= {*pair.kept}


def test_a_host_that_reboots_after_all_has_ended_on_the_other_one_ends_when_that_is_started_once_more(
    pair: Pair, stack: ExitStack
) -> None:
    launches = {name: stack.enter_context(pair.launch(name)) for name in HOSTS}
    pair.may_end()
    for launch in launches.values():
        assert launch.ends(60) == 0, launch.output
    robot = stack.enter_context(pair.launch("robot"))
    robot.says(r"link +\| no word from station for 5 s")
    assert stack.enter_context(pair.launch("station")).ends(90) == 0
    assert robot.ends(60) == 0, robot.output
