"""A node function's signature -> its command line: positional parameters are inputs, keyword-only ones arguments."""

import argparse
import inspect
import json
import os
import re
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bus.link import Pipe

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
HELP_LINE = re.compile(r"^\s*(\w+): (.+)$", re.MULTILINE)


class Secret(str):
    """An argument with ${…} expanded; `shown` is how it was written."""

    __slots__ = ("shown",)
    shown: str


def shown(text: str) -> str:
    """`text` as it was written, before ${…} was expanded: for log lines, messages, marks and file names."""
    return text.shown if isinstance(text, Secret) else text


def inputs(function: Callable[..., Any]) -> dict[str, bool]:
    """The function's inputs and whether each must be wired."""
    return {
        name: parameter.default is parameter.empty
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def parser(function: Callable[..., Any], program: str) -> argparse.ArgumentParser:
    """The command line of a node: what the launcher passes to every node, and the function's own arguments."""
    module = sys.modules.get(function.__module__)
    about = inspect.cleandoc((module and module.__doc__) or function.__doc__ or "")
    words = dict(HELP_LINE.findall(function.__doc__ or ""))
    made = argparse.ArgumentParser(
        prog=program, description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    hints = typing.get_type_hints(function)
    own = made.add_argument_group("arguments")
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            _add(own, name, parameter.default, hints.get(name), words.get(name, ""))
    bus = made.add_argument_group("the bus", "What the launcher passes; see docs/wire.md to do so by hand.")
    bus.add_argument("--name", default="", metavar="REPLICA", help="who this is, e.g. converter.1")
    bus.add_argument("--run", type=Path, metavar="FOLDER", help="where hand, books and end marks lie")
    bus.add_argument("--key", type=Path, metavar="FILE", help="this host's private CURVE key")
    bus.add_argument("--grant", action="append", default=[], metavar="FOLDER", help="files below it may be read")
    bus.add_argument("--pull", action="append", default=[], type=_pipe, metavar="PIPE", help="[@]ADDRESS[,wire=NAME…]")
    bus.add_argument("--push", action="append", default=[], type=_pipe, metavar="PIPE", help="the same; @ binds")
    if inputs(function):
        made.add_argument("--try", dest="photo", type=Path, metavar="FILE", help="run on this one image and show it")
    return made


def expand(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with each ${NAME} in a text replaced from the environment. Raises ValueError naming what is not set."""
    return {name: _expand(name, value) if isinstance(value, str) else value for name, value in values.items()}


def hide(secrets: list[Secret]) -> None:
    """From now on what this process prints shows these as they were written."""
    if secrets:
        sys.stdout, sys.stderr = _Hiding(sys.stdout, secrets), _Hiding(sys.stderr, secrets)


def _add(group: Any, name: str, default: Any, hint: Any, words: str) -> None:
    required = default is inspect.Parameter.empty
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)] or [hint]
    if hint is None:
        kinds = [str if required or default is None else type(default)]
    extra = "" if required or default in (None, "") else f"(default: {default})"
    options: dict[str, Any] = {"help": " ".join([words.rstrip("."), extra]).strip().replace("%", "%%") or None}
    if kinds == [bool]:
        options["action"] = argparse.BooleanOptionalAction
    else:
        options |= {"type": _kind(kinds), "metavar": _metavar(kinds)}
    group.add_argument(f"--{name}", required=required, default=None if required else default, **options)


def _kind(kinds: list[Any]) -> Callable[[str], Any]:
    plain = [typing.get_origin(kind) or kind for kind in kinds]
    if list in plain or dict in plain:
        return lambda text: json.loads(text) if text[:1] in ("[", "{") else text
    return next((kind for kind in (int, float) if kind in plain), str)


def _metavar(kinds: list[Any]) -> str:
    return "|".join("JSON" if kind in (list, dict) else kind.__name__.upper() for kind in _origins(kinds))


def _origins(kinds: list[Any]) -> list[type]:
    return [kind for kind in (typing.get_origin(kind) or kind for kind in kinds) if isinstance(kind, type)]


def _pipe(text: str) -> Pipe:
    try:
        return Pipe.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _expand(name: str, value: str) -> str:
    missing = [variable for variable in VARIABLE.findall(value) if variable not in os.environ]
    if missing:
        raise ValueError(f"--{name} needs the environment variable {missing[0]}, which is not set")
    if not VARIABLE.search(value):
        return value
    secret = Secret(VARIABLE.sub(lambda found: os.environ[found[1]], value))
    secret.shown = value
    return secret


class _Hiding:
    """A text stream that writes secrets as they were written on the command line."""

    def __init__(self, stream: Any, secrets: list[Secret]) -> None:
        self._stream = stream
        self._pairs = [(os.environ[name], "${" + name + "}") for s in secrets for name in VARIABLE.findall(s.shown)]

    def write(self, text: str) -> int:
        for secret, placeholder in self._pairs:
            text = text.replace(secret, placeholder) if secret else text
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
