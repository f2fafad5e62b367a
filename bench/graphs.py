"""Graphs of ours, launched as a user launches them, without the page."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.family import ROOT, Family

COUNT = "count"  # the file that a counter writes


def launched(nodes: dict[str, Any], folder: Path, wires: dict[str, Any] | None = None) -> Sequence[str | Path]:
    """The command that runs a graph of these nodes in `folder`; `wires`: those about which there is more to say."""
    (folder / "graph.yaml").write_text(json.dumps({"nodes": nodes, **({"wires": wires} if wires else {})}))
    return sys.executable, ROOT / "launcher.py", "graph.yaml", "--page=off"


def camera(push: str, **args: Any) -> dict[str, Any]:
    return {"run": "bench.nodes.camera", "push": push, "args": args}


def passer(pull: str, push: str, replicas: int = 1, **args: Any) -> dict[str, Any]:
    return {"run": "bench.nodes.passer", "pull": pull, "push": push, "args": args, "replicas": replicas}


def counter(pull: str) -> dict[str, Any]:
    return {"run": "bench.nodes.counter", "pull": pull, "args": {"file": COUNT}}


def chain(length: int, **args: Any) -> dict[str, Any]:
    """A camera, so many passers one behind the other, and a counter."""
    passers = {f"passer{number}": passer(f"wire{number}", f"wire{number + 1}") for number in range(length)}
    return {"camera": camera("wire0", **args), **passers, "counter": counter(f"wire{length}")}


def counted(family: Family) -> int:
    """What the graph's counter has counted so far."""
    file = family.folder / COUNT
    return int.from_bytes(file.read_bytes(), "little") if file.exists() else 0
