"""`node.key=value` on the command line -> the same in the tree, before anything is checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from host.reading import document
from host.reading.document import Value
from host.reading.keys import NODE_KEYS
from host.reading.problems import COMMAND_LINE, GraphError, Problems, quoted
from host.reading.section import NAME

OVERRIDE = re.compile(rf"{NAME.pattern}\.[^=]+=")  # how one begins


def apply(overrides: Sequence[str], tree: Value, problems: Problems) -> None:
    """Write each override into `tree`: keys of a node win, all else are its arguments."""
    nodes = tree.data.get("nodes") if isinstance(tree.data, dict) else None
    if nodes is None or not isinstance(nodes.data, dict):
        return  # there is more to say about the file
    for override in overrides:
        place, equals, text = override.partition("=")
        name, dot, key = place.partition(".")
        if not (name and dot and key and equals):
            problems.mistake(COMMAND_LINE, f"{quoted(override)} is no override. Write node.key=value")
        elif name not in nodes.data:
            cure = problems.did_you_mean(name, nodes.data)
            problems.mistake(COMMAND_LINE, f"{quoted(override)}: there is no node {quoted(name)}. {cure}")
        else:
            try:
                _set(nodes.data[name], key, document.read_word(text))
            except GraphError:
                words = f"{quoted(text)} is not YAML. Close its quotes and brackets, or put all of it in quotes."
                problems.mistake(COMMAND_LINE, f"{quoted(override)}: {words}")


def _set(node: Value, key: str, value: Value) -> None:
    if not isinstance(node.data, dict):
        return
    if key in NODE_KEYS:
        node.data[key] = value
        return
    args = node.data.get("args")
    if args is None or args.data is None:
        args = node.data["args"] = Value(node.line, {})
    if isinstance(args.data, dict):
        args.data[key] = value
