"""A node function's signature -> its command line: positional parameters are inputs, keyword-only ones arguments."""

import argparse
import inspect
import json
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace, UnionType
from typing import Any

from bus.described import described
from bus.link import Pipe

UNIONS = (typing.Union, UnionType)


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
    words = described(function.__doc__)
    made = argparse.ArgumentParser(
        prog=program, description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    hints = _hints(function)
    own = made.add_argument_group("arguments")
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            _add(own, name, parameter.default, hints.get(name), words.get(name, ""))
    bus = made.add_argument_group("the bus", "What the launcher passes; see docs/wire.md to do so by hand.")
    bus.add_argument("--name", default="", metavar="REPLICA", help="who this is, e.g. converter.1")
    bus.add_argument("--run", type=Path, metavar="FOLDER", help="where hand, books and end marks lie")
    bus.add_argument("--key", type=Path, metavar="FILE", help="this host's private CURVE key")
    bus.add_argument("--grant", action="append", default=[], metavar="FOLDER", help="files below it may be read")
    bus.add_argument("--trace", action="store_true", help="note when each message came, was begun and ended")
    bus.add_argument("--pull", action="append", default=[], type=_pipe, metavar="PIPE", help="[@]ADDRESS[,wire=NAME…]")
    bus.add_argument("--push", action="append", default=[], type=_pipe, metavar="PIPE", help="the same; @ binds")
    if any(inputs(function).values()):
        made.add_argument(
            "--try",
            dest="photo",
            type=Path,
            metavar="FILE",
            help="run on this image, folder or clip; show what becomes of it",
        )
        made.add_argument("--reload", action="store_true", help="and again at each save of a file beside this one")
    return made


def _add(group: Any, name: str, default: Any, hint: Any, words: str) -> None:
    required = default is inspect.Parameter.empty
    union = typing.get_args(hint) if typing.get_origin(hint) in UNIONS else (hint,)  # list[int] has arguments, too
    kinds = [kind for kind in union if kind is not type(None)]
    if hint is None:
        kinds = [str if required or default is None else type(default)]
    extra = "" if required or default in (None, "") else f"(default: {default})"
    options: dict[str, Any] = {"help": " ".join([words, extra]).strip().replace("%", "%%") or None}
    if kinds == [bool]:
        options["action"] = argparse.BooleanOptionalAction
    else:
        options |= {"type": _kind(kinds), "metavar": _metavar(kinds)}
    group.add_argument(f"--{name}", required=required, default=None if required else default, **options)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of the arguments alone: those of the inputs may be imported for type checkers only."""
    keyword_only = (p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY)
    own = {p.name: p.annotation for p in keyword_only if p.annotation is not p.empty}
    return typing.get_type_hints(SimpleNamespace(__annotations__=own), getattr(function, "__globals__", {}))


def _kind(kinds: list[Any]) -> Callable[[str], Any]:
    plain = [typing.get_origin(kind) or kind for kind in kinds]
    if list in plain or dict in plain:
        return _text_or_json
    return next((kind for kind in (int, float) if kind in plain), str)


def _text_or_json(text: str) -> Any:
    try:
        return json.loads(text) if text[:1] in ("[", "{") else text
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not JSON: {error}") from None


def _metavar(kinds: list[Any]) -> str:
    words = {str: "TEXT", int: "N", float: "NUMBER", list: "JSON", dict: "JSON"}
    return "|".join(dict.fromkeys(words.get(kind, kind.__name__.upper()) for kind in _origins(kinds)))


def _origins(kinds: list[Any]) -> list[type]:
    return [kind for kind in (typing.get_origin(kind) or kind for kind in kinds) if isinstance(kind, type)]


def _pipe(text: str) -> Pipe:
    try:
        return Pipe.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
