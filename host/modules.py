"""The files of a node's program: its module, and what that imports from the graph's folder."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from host.environment import PROJECT
from host.graph import GraphError

OURS = [PROJECT / name for name in ("bus", "media", "nodes")]  # whoever can write these needs no graph


def is_ours(file: Path) -> bool:
    """Whether it is one of this project's own."""
    return any(file.is_relative_to(folder) for folder in OURS)


def below(source: Path, folder: Path) -> set[Path]:
    """The file `source`, and those in `folder` that it imports, and so on; of this project's own only `source`."""
    found, ahead = set[Path](), [source]
    while ahead:
        file = ahead.pop()
        if file not in found:
            found.add(file)
            ahead += [one for one in _imported(file, folder) if not is_ours(one)]
    return found


def digests(files: Iterable[Path]) -> dict[Path, bytes]:
    """What stands in each of them, as a hash; one that is not there has none."""
    return {file: _digest(file) for file in files}


def check(files: Iterable[Path]) -> None:
    """Raises GraphError with all that are no Python now."""
    troubles = [trouble for file in files if (trouble := _trouble(file))]
    if troubles:
        raise GraphError(troubles)


def _trouble(file: Path) -> str:
    try:
        _parsed(file)
    except SyntaxError as error:
        return f"{file}:{error.lineno}: {error.msg}. Correct it."
    except OSError as error:
        return f"{file} cannot be read ({error.strerror}). Put it back, or change the graph first."
    return ""


def _imported(file: Path, folder: Path) -> Iterator[Path]:
    try:
        tree = _parsed(file)
    except (SyntaxError, OSError):  # which `check` says
        return
    here = file.parent.relative_to(folder).parts if file.is_relative_to(folder) else ()
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            above = ".".join(here[: len(here) + 1 - statement.level]) if statement.level else ""
            base = ".".join(filter(None, [above, statement.module]))
            names = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in statement.names)]
        else:
            continue
        for name in names:
            place = folder.joinpath(*name.split("."))
            yield from (one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file())


def _parsed(file: Path) -> ast.Module:
    """Raises SyntaxError, OSError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a node's own business, said when it runs
        try:
            return ast.parse(file.read_bytes())
        except (ValueError, RecursionError, MemoryError) as error:  # a NUL, before Python 3.12
            raise SyntaxError(str(error)) from error


def _digest(file: Path) -> bytes:
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return b""
