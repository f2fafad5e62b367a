"""What a node runs: a Python module, with its signature where it can be read, or a command."""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from host.reading import signature
from host.reading.document import Value
from host.reading.problems import Problems, quoted
from host.reading.section import Section
from host.reading.signature import Signature, Unclear

PROJECT = Path(__file__).resolve().parents[2]
NODES = PROJECT / "nodes"

NEEDED = {"bus", "media", "nodes", "PIL", "av", "numpy", "pyinotify", "zmq"}  # what nodes import of others
HARMLESS = {"test"}  # of the standard library: nothing imports it, and many folders have one


@dataclass(frozen=True)
class Program:
    """A module or a command; neither, where the graph does not say it well."""

    run: str | None = None
    command: tuple[str, ...] | None = None
    source: Path | None = None  # the module's file, if it is here
    signature: Signature | None = None  # if it can be read


class Programs:
    """Finds what the nodes of one graph run."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self._folder = folder
        self._problems = problems
        self._find = cache(find)  # many nodes may run one module
        self._read = cache(signature.read)

    def of(self, name: str, section: Section, env: Mapping[str, str], is_elsewhere: bool) -> Program:
        """The program of the node `name`. That it is not here is only a warning if its host may be another."""
        missing = self._problems.warning if is_elsewhere else self._problems.mistake
        run, command = section.get("run"), section.get("command")
        if run and command:
            self._problems.mistake(command.line, f"{section.who} has both run and command. Keep one of them.")
        elif run:
            return self._module(name, section, run.line, missing)
        elif command:
            return Program(command=self._command(name, command, env.get("PATH"), missing))
        else:
            words = f"{section.who} does not say what to run. Add e.g. run: nodes.converter"
            self._problems.mistake(section.line, words)
        return Program()

    def _module(self, name: str, section: Section, line: int, missing: Callable[[int, str], None]) -> Program:
        run = section.text("run", example="nodes.converter")
        if run is None:
            return Program()
        if not all(part.isidentifier() for part in run.split(".")):
            dotted = run.removesuffix(".py").strip("./").replace("/", ".")
            words = f"{quoted(name)} runs {quoted(run)}, which cannot be a Python module. Write e.g. run: {dotted}"
            self._problems.mistake(line, words)
            return Program()
        source = self._find(run, self._folder)
        if source is None:
            meant = self._problems.nearest(run, neighbours(run, self._folder))
            cure = f"Did you mean {quoted(meant)}?" if meant else "Write it, or correct the name."
            places = f"{self._folder} and {PROJECT}"
            missing(line, f"{quoted(name)} runs {quoted(run)}, and there is no such module in {places}. {cure}")
            return Program(run)
        return Program(run, source=source, signature=self._signature(name, line, source))

    def _signature(self, name: str, line: int, source: Path) -> Signature | None:
        try:
            return self._read(source)
        except (Unclear, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self._problems.warning(line, f"what {quoted(name)} takes is not checked: {reason}, in {source}")
        except SyntaxError as error:
            place = f"{source}:{error.lineno}" if error.lineno else str(source)
            words = f"{quoted(name)} runs a file that is not Python, {place}: {error.msg}. Correct it."
            self._problems.mistake(line, words)
        return None

    def _command(
        self, name: str, value: Value, path: str | None, missing: Callable[[int, str], None]
    ) -> tuple[str, ...] | None:
        words = _texts(value)
        if not words:
            example = _split(value.text) if value.text else ["./node", "--fast"]
            cure = f"Write e.g. command: {json.dumps(example, ensure_ascii=False)}"
            mistake = f"command of {quoted(name)} must be a list of words, not {value}. {cure}"
            self._problems.mistake(value.line, mistake)
            return None
        program = str(self._folder / words[0]) if "/" in words[0] else words[0]
        if shutil.which(program, path=path) is None:
            cure = "Install it, make it executable, or correct its name."
            missing(value.line, f"{quoted(name)} runs {program}, which is no program on this machine. {cure}")
        return tuple(words)


def _texts(value: Value) -> list[str]:
    """The words of a list of scalars, as they are written; empty if it is none."""
    if not isinstance(value.data, list) or any(isinstance(item.data, list | dict | None) for item in value.data):
        return []
    return [item.text for item in value.data]


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote that is not closed
        return command.split()


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
