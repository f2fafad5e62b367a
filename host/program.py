"""What a node runs: a Python module, with its signature where it can be read, or a command."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from host import module, signature
from host.document import Value
from host.problems import Problems, quoted
from host.section import Section
from host.signature import Signature, Unclear


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
        self._find = cache(module.find)  # many nodes may run one module
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
            meant = self._problems.nearest(run, module.neighbours(run, self._folder))
            cure = f"Did you mean {quoted(meant)}?" if meant else "Write it, or correct the name."
            places = f"{self._folder} and {module.PROJECT}"
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
