"""No graph whatever ends in a traceback: hundreds of graphs, each damaged at random."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from host.command import processes
from host.graph import Graph, GraphError, load
from tests.graphs import KEYS, write_modules

GRAPH = f"""\
hosts:
  robot: {{key: "{KEYS[0]}"}}
  station: {{key: "{KEYS[1]}", address: 10.0.0.7}}
wires:
  frames: {{address: "tcp://station:5560", keep: all, prefetch: 8}}
  small: {{keep: latest}}
nodes:
  camera:
    run: camera
    host: robot
    push: frames
    args: {{source: test, rate: 12.5}}
    env: {{GPU: "0"}}
  shrink:
    run: shrink
    host: station
    pull: frames
    push: {{"big": large, small: [small]}}
    args: {{factor: 2, loop: no, sides: [640, 360]}}
    replicas: 3
    restart: always
    stall: 2.5
    memory: 2GB
    in_order: false
  stereo:
    run: stereo
    host: station
    pull: {{left: small, right: large}}
    push: both
  show:
    command: [cat, --number]
    host: station
    pull: both
"""
STRANGE = [
    *("", "[]", "{}", "~", "no", "-1", "0", "1e400", ".nan", "'", '"\\0"', "*x", "&x y", "!!int x", "[[[[", "}", "\t"),
    *(
        "a: b: c",
        "9" * 400,
        "0x" + "f" * 400,
        "🤖",
        "\x00",
        "\ud800",
        "é" * 200,
        "- -",
        "? ",
        "|",
        ">",
        "%TAG",
        "---",
        "...",
    ),
    *("<<: {a: 1}", "tcp://station:99999", "node.py", "..", "/", "a,b=c", "${HOME}", "2026-01-01", "1:2:3"),
]


def drop_lines(lines: list[str], chance: random.Random) -> None:
    del lines[chance.randrange(len(lines))]


def repeat_lines(lines: list[str], chance: random.Random) -> None:
    first = chance.randrange(len(lines))
    lines[first:first] = lines[first : first + chance.randint(1, 5)]


def move_line(lines: list[str], chance: random.Random) -> None:
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))


def indent_line(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines[place] = chance.choice(["", " ", "      ", "\t", "- "]) + lines[place].strip()


def swap_value(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines[place] = lines[place].partition(":")[0] + ": " + chance.choice(STRANGE)


def swap_key(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    head, colon, tail = lines[place].partition(":")
    indent = head[: len(head) - len(head.lstrip())]
    lines[place] = indent + chance.choice([*STRANGE, "pull", "push", "args", "nodes", "show"]) + colon + tail


def swap_letter(lines: list[str], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    line = list(lines[place]) or [" "]
    line[chance.randrange(len(line))] = chance.choice(" :,[]{}#&*!|>'\"%@`-?\n\tx5é")
    lines[place] = "".join(line)


DAMAGES: list[Callable[[list[str], random.Random], None]] = [
    *(drop_lines, repeat_lines, move_line, indent_line, swap_value, swap_value, swap_key, swap_letter),
]


def outcome(path: Path, overrides: tuple[str, ...] = ()) -> Graph | GraphError:
    try:
        graph = load(path, overrides)
        processes(graph, Path("/run/zg"))
    except GraphError as error:
        return error
    return graph


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_graph_is_a_graph_or_a_list_of_mistakes(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    write_modules(tmp_path)
    path = tmp_path / "graph.yaml"
    for _ in range(50):
        lines = GRAPH.splitlines()
        for damage in chance.choices(DAMAGES, k=chance.randint(1, 4)):
            damage(lines, chance)
        path.write_bytes("\n".join(lines).encode(errors="surrogatepass"))

        found = outcome(path)

        if isinstance(found, GraphError):
            assert found.problems
            assert all(problem.startswith(f"{path}") and "\n" not in problem for problem in found.problems)


def test_strange_overrides_are_a_graph_or_a_list_of_mistakes(tmp_path: Path) -> None:
    write_modules(tmp_path)
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH)
    keys = ("run", "command", "pull", "push", "args", "env", "host", "replicas", "restart", "stall", "memory", "factor")
    for key in keys:
        for strange in STRANGE:
            assert isinstance(outcome(path, (f"shrink.{key}={strange}",)), Graph | GraphError)


def test_the_graph_is_fine_before_it_is_damaged(tmp_path: Path) -> None:
    write_modules(tmp_path)
    (tmp_path / "graph.yaml").write_text(GRAPH)

    assert isinstance(outcome(tmp_path / "graph.yaml"), Graph)


def test_bytes_at_random_are_no_traceback(tmp_path: Path) -> None:
    chance = random.Random(7)
    path = tmp_path / "graph.yaml"
    for size in range(200):
        path.write_bytes(chance.randbytes(size))

        assert isinstance(outcome(path), GraphError)
