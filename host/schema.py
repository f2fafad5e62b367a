"""graph.yaml as a JSON Schema, for editors: what the loader knows of keys, and of the standard nodes' arguments.

What takes more than one place to see (a wire that nobody pulls, a host that is missing) the loader alone finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from host.reading import signature
from host.reading.contract import RESERVED
from host.reading.keys import GRAPH_KEYS, HOST_KEYS, NODE_KEYS, WIRE_KEYS, Keys, Schema, whole
from host.reading.program import NODES
from host.reading.section import NAME, NAME_RULE
from host.reading.signature import Argument, Signature, Unclear

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that all editors know
TYPES = {  # kind of an argument -> what of JSON fits it
    "text": ("string", "number", "boolean"),  # a scalar is what is written
    "int": ("integer",),
    "float": ("number",),
    "bool": ("boolean",),
    "list": ("array",),
    "mapping": ("object",),
}


def text() -> str:
    """The schema, as a file holds it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False)


def schema() -> Schema:
    """What a graph may be, as far as a schema can say it."""
    entry = {"nodes": _node(), "wires": _section(WIRE_KEYS), "hosts": _section(HOST_KEYS)}
    named = {"propertyNames": {"pattern": whole(NAME), "patternErrorMessage": NAME_RULE}}
    parts = {key: {**about, **named, "additionalProperties": entry[key]} for key, about in GRAPH_KEYS.items()}
    title = "A graph of nodes, and of the wires between them"
    return {"$schema": DRAFT, "title": title, **_section(parts), "required": ["nodes"]}


def _section(keys: Keys) -> Schema:
    return {"type": "object", "properties": dict(keys), "additionalProperties": False}


def _node() -> Schema:
    args = {**NODE_KEYS["args"], "propertyNames": {"not": {"enum": sorted(RESERVED)}}}
    run = {**NODE_KEYS["run"], "examples": [run for run, _ in _standard()]}
    node = _section({**NODE_KEYS, "run": run, "args": args})
    contracts = [_contract(run, takes) for run, takes in _standard()]
    return {**node, "oneOf": [{"required": ["run"]}, {"required": ["command"]}], "allOf": contracts}


def _standard() -> Iterator[tuple[str, Signature]]:
    """This project's own nodes."""
    for file in sorted(NODES.glob("*.py")):
        try:
            yield f"nodes.{file.stem}", signature.read(Path(file))
        except Unclear:  # the loader warns of it
            continue


def _contract(run: str, takes: Signature) -> Schema:
    """What an entry that runs one of them must be like, too."""
    must = [name for name, argument in takes.arguments.items() if argument.required]
    needed = [*(["pull"] if any(takes.inputs.values()) else []), *(["args"] if must else [])]
    args = _section({name: _argument(argument) for name, argument in takes.arguments.items()})
    about = {"args": {**args, "type": ["object", *([] if must else ["null"])], "required": must}}
    inputs: Mapping[str, object] = {} if takes.inputs else {"pull": False}
    is_it = {"required": ["run"], "properties": {"run": {"const": run}}}
    return {"if": is_it, "then": {"required": needed, "properties": {**about, **inputs}}}


def _argument(argument: Argument) -> Schema:
    found: Schema = {"description": argument.about} if argument.about else {}
    if argument.kinds:
        nothing = [] if argument.required else ["null"]
        found["type"] = [one for kind in TYPES if kind in argument.kinds for one in TYPES[kind]] + nothing
        found["type"] = list(dict.fromkeys(found["type"]))
    if argument.default not in (None, ""):
        found["default"] = argument.default
    return found
