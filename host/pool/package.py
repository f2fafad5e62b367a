"""The code that travels: what of the graph's folder, and of this project, Ray brings to each machine of a pool."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import Any

from host.environment import PROJECT
from host.graph import Graph, Node

PARTS = ("bus", "host", "media", "nodes")  # of this project: what nodes and actors import
NEVER = (  # in gitignore's language, which is Ray's
    *("/keys", "**/keys/*.key", "*.env", "/deploy"),  # a private key or a password stays where it is
    *(".?*", "venv", "node_modules", "__pycache__", "dead-letters"),  # .?*: what is hidden
)
MB = 1_000_000  # bytes
LARGEST = 3  # so many are named where it is too much


def runtime_env(graph: Graph, pool: str, own: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    """Ray's runtime environment for the machines of `pool`; `own`, from the graph, goes before what is ours.

    `folder`: where the graph's folder lies on all of them, and this project beside it or where it is here: nothing is
    sent.
    """
    if folder is not None:
        variables = {"PYTHONPATH": os.pathsep.join([folder, str(PROJECT)]), **own.get("env_vars", {})}
        return {**own, "env_vars": variables}
    return {
        "working_dir": str(graph.folder),
        **own,
        "py_modules": [*(str(PROJECT / part) for part in PARTS), *own.get("py_modules", [])],
        "excludes": [*excludes(graph, pool), *own.get("excludes", [])],
    }


def excludes(graph: Graph, pool: str) -> list[str]:
    """What stays here: keys, caches, what nodes write, and files that only nodes on other hosts are told of."""
    there = [node for node in graph.nodes.values() if node.host == pool]
    elsewhere = [node for node in graph.nodes.values() if node.host != pool]
    written = _inside(graph.folder, (node.folder for node in graph.nodes.values() if node.folder))
    told = _inside(graph.folder, _texts(elsewhere)) - _inside(graph.folder, _texts(there))
    return [*NEVER, *(f"/{path}" for path in sorted(written | told))]


def weight(folder: Path, excluded: Iterable[str]) -> dict[str, int]:
    """What is in `folder` -> its bytes, without what is `excluded` by a path or a name."""
    anchored = {pattern.lstrip("/") for pattern in excluded if pattern.startswith("/")}
    names = [pattern for pattern in excluded if "/" not in pattern]
    found: dict[str, int] = {}
    for where, folders, files in os.walk(folder):
        here = PurePath(where).relative_to(folder)

        def travels(name: str, here: PurePath = here) -> bool:
            return str(here / name) not in anchored and not any(fnmatch(name, pattern) for pattern in names)

        folders[:] = filter(travels, folders)
        for name in files:
            if travels(name):
                top = (here / name).parts[0]
                found[top] = found.get(top, 0) + _size(Path(where, name))
    return found


def sizes(folder: Path, excluded: Iterable[str]) -> str:
    """How much of `folder` travels, in words: at most, for what .gitignore and .rayignore name stays here, too."""
    found = weight(folder, excluded)
    largest = sorted(found, key=lambda name: -found[name])[:LARGEST]
    named = ", ".join(f"{name} {found[name] / MB:.1f} MB" for name in largest)
    return f"{sum(found.values()) / MB:.1f} MB at most{f' ({named})' if named else ''}"


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:  # it has just gone
        return 0


def _texts(nodes: Iterable[Node]) -> list[str]:
    return [value for node in nodes for value in node.args.values() if isinstance(value, str) and value]


def _inside(folder: Path, named: Iterable[str]) -> set[str]:
    """Those of these paths that are below `folder`, and are no code, relative to it."""
    found = set()
    for path in named:
        whole = Path(os.path.normpath(folder / path))
        if whole != folder and whole.is_relative_to(folder) and whole.suffix != ".py":
            found.add(str(whole.relative_to(folder)))
    return found
