"""Graphs of actors: nodes that behave as a test wants, under the real launcher."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tests.launch import ROOT, Launch

Nodes: TypeAlias = dict[str, dict[str, Any]]  # name -> the node's keys, with a `role` for its command


def act(folder: Path, nodes: Nodes, env: dict[str, str] | None = None, under: Sequence[str] = ()) -> Launch:
    """Start a graph of actors, e.g. `{"splitter": {"role": "lives", "push": "streams"}}`."""
    (folder / "graph.yaml").write_text(written(nodes))
    return Launch(folder, env={"PYTHONPATH": str(ROOT), **(env or {})}, under=under)


def written(nodes: Nodes) -> str:
    """The graph, as its file has it."""
    graph = {name: {"command": _command(name, node), **_keys(node)} for name, node in nodes.items()}
    return json.dumps({"nodes": graph}, indent=1)  # JSON is YAML


def chain(splitter: str = "lives", watcher: str = "lives", converter: str = "lives") -> Nodes:
    """The three nodes of a chain, each in a role."""
    return {
        "splitter": {"role": splitter, "push": "streams"},
        "watcher": {"role": watcher, "pull": "streams", "push": "frames"},
        "converter": {"role": converter, "pull": "frames"},
    }


def lines(launch: Launch, name: str) -> list[str]:
    """What was said under `name`."""
    said = (line[9:].split("|", 1) for line in launch.output.splitlines() if "|" in line)
    return [text.strip() for who, text in said if who.strip() == name]


def _command(name: str, node: dict[str, Any]) -> list[str]:
    own_name = [] if "pull" in node or "push" in node else [f"--name={name}.1"]  # only who has wires is told its name
    return [sys.executable, str(ROOT / "tests" / "actor.py"), *node["role"].split(), *own_name]


def _keys(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "role"}
