"""Where a node's module lies: found by path, as `python -m` in the graph's folder finds it, and never imported."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NODES = PROJECT / "nodes"

NEEDED = {"bus", "media", "nodes", "PIL", "av", "numpy", "pyinotify", "zmq"}  # what nodes import of others
HARMLESS = {"test"}  # of the standard library: nothing imports it, and many folders have one


def find(name: str, folder: Path) -> Path | None:
    """The file that `python -m name` runs in `folder`: one of its own, else this project's, else an installed one."""
    *packages, last = name.split(".")
    places = [folder, PROJECT, *(Path(entry) for entry in sys.path if entry)]
    for package in packages:
        places = _portions(package, places)
    candidates = (file for place in places for file in (place / last / "__main__.py", place / f"{last}.py"))
    return next(filter(_is_file, candidates), None)


def neighbours(name: str, folder: Path) -> list[str]:
    """The modules that are where the module `name` was looked for first, and in `nodes`."""
    packages = dict.fromkeys((name.rpartition(".")[0], "nodes", ""))
    return [
        f"{package}.{file.stem}".lstrip(".")
        for package in packages
        for place in (folder, PROJECT)
        if package or place == folder
        for file in sorted((place / package.replace(".", "/")).glob("*.py"))
        if file.stem.isidentifier() and not file.stem.startswith("__")
    ]


def hiding(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files in `folder` that hide a module which nodes need, and that module's name.

    `python -m` looks in the folder where it runs first: `queue.py` there is imported in place of Python's own.
    """
    if folder == PROJECT:
        return
    hidden = (sys.stdlib_module_names | NEEDED) - HARMLESS
    for entry in sorted(entry for entry in folder.iterdir() if entry.name.removesuffix(".py") in hidden):
        file = entry if entry.suffix == ".py" else entry / "__init__.py"
        if _is_file(file):
            yield file, entry.stem


def _portions(package: str, places: list[Path]) -> list[Path]:
    """The folders of `package`: the first with an __init__.py hides all others, else all are one package together."""
    folders = [place / package for place in places if stat.S_ISDIR(_mode(place / package))]
    return next(([folder] for folder in folders if _is_file(folder / "__init__.py")), folders)


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # not there, not to be seen, or no name that a file can have
        return 0
