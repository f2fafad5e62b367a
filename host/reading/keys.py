"""The keys that a graph may have: what each may be, in the terms of JSON Schema, and what it is for.

The loader takes from here what it checks, and `schema` what an editor checks and shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bus.encoding import FORMATS, QUALITIES
from bus.keys import KEY_LENGTH
from host.reading.section import NAME, RANGE

Schema = dict[str, Any]
Keys = Mapping[str, Schema]

LAST_PORT = 65535
MOST_REPLICAS = 256
MEMORY = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?([kKMGT])(i?)B")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OWN_VARIABLES = ("NOTIFY_SOCKET", "ZG_RUN", "ZG_LIFE")  # by which a node and its launcher find each other
WIRE_ADDRESS = re.compile(r"tcp://([A-Za-z][A-Za-z0-9_]*):(\d{1,9})")
HOST_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")  # a name or an IPv4 address
RAY_ADDRESS = re.compile(
    r"auto|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:\d{1,5}"
)  # that of its head node, as Ray prints it
OWN_WORD = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}  # resources for which Ray has words of its own
KEY = re.compile(rf"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{{}}@%$#]{{{KEY_LENGTH}}}")  # Z85
WORD = r"[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*"  # roughly what Python says is an identifier
MODULE = re.compile(rf"{WORD}(\.{WORD})*")
ENCODING = re.compile(rf"({'|'.join(FORMATS)})|({'|'.join(QUALITIES)}):(?!0+$)(0?\d{{1,2}}|100)")


def whole(pattern: re.Pattern[str]) -> str:
    """`pattern` for all of a text."""
    return f"^({pattern.pattern})$"


def _text(pattern: re.Pattern[str] | None = None) -> Schema:
    return {"type": "string", **({"pattern": whole(pattern)} if pattern else {"minLength": 1})}


def _number(most: int) -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": most}


def _one_of(*words: str) -> Schema:
    """The first is the default."""
    return {"enum": [*words], "default": words[0]}


def _wires() -> Schema:
    """One wire, a list of them, or a mapping of names to either."""
    one = _text(NAME)
    some = {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}
    named = {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [one, some]}}
    return {"anyOf": [one, some, {**named, "propertyNames": _text(NAME)}]}


FLAG: Schema = {"type": "boolean", "default": False}
SECONDS: Schema = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"enum": [False, "off"]}]}  # YAML 1.2: "off"
AMOUNT: Schema = {"type": "number", "minimum": 0}
RESOURCES: Keys = {  # the options of an actor of Ray's that say what it takes
    "num_cpus": AMOUNT,
    "num_gpus": AMOUNT,
    "memory": AMOUNT,
    "accelerator_type": _text(),
    "resources": {"type": "object", "propertyNames": {"not": {"enum": [*OWN_WORD]}}, "additionalProperties": AMOUNT},
    "label_selector": {"type": "object", "additionalProperties": _text()},
}
MAPPING: Schema = {"type": ["object", "null"]}  # it may be left empty
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
VARIABLES: Schema = {**_text(VARIABLE), "not": {"enum": [*OWN_VARIABLES]}}


def _described(**keys: tuple[Schema, str]) -> Keys:
    """With what editors show for each, where it is wrong, too: nobody reads a pattern."""
    wrong = {name: {"patternErrorMessage": about} for name, (schema, about) in keys.items() if "pattern" in schema}
    return {name: {**schema, "description": about, **wrong.get(name, {})} for name, (schema, about) in keys.items()}


NODE_KEYS = _described(
    run=(_text(MODULE), "A Python module, beside this file or of the project, as nodes.converter is. Or: command."),
    command=(
        {"type": "array", "items": SCALAR, "minItems": 1},
        "A program in any language, with its first arguments: [./node, --fast]. Or: run.",
    ),
    pull=(_wires(), "The wire that it is given messages from; a list merges them; {input: wire} where it has several."),
    push=(_wires(), "The wire that it yields to; a list gives each a copy; {output: wire} where outputs have names."),
    args=(MAPPING, "The arguments of its function, as --help of the node shows them."),
    env=(
        {**MAPPING, "propertyNames": VARIABLES, "additionalProperties": SCALAR},
        "Environment variables of its processes.",
    ),
    host=(_text(), "The host, one of those under hosts, on which it runs."),
    replicas=(  # each is a process, with a pipe to every replica that it is wired to
        {"anyOf": [_number(most=MOST_REPLICAS), _text(RANGE)], "default": 1},
        "How many processes of it share its wires; 2..6: as many of them as there is work for.",
    ),
    restart=(_one_of("on-failure", "never", "always"), "When a process of it that has ended is started again."),
    stall=(SECONDS, "Seconds that it may hold one message; then it hangs, and is restarted. off: for ever."),
    memory=({"type": "string", "pattern": whole(MEMORY)}, "The most that it may take: 2GB; then it is restarted."),
    resources=(
        {**MAPPING, "properties": RESOURCES, "additionalProperties": False},
        "What each replica takes of a machine, in Ray's own words: {num_gpus: 1}. For pools, and for exports.",
    ),
    in_order=(FLAG, "Whether it is given the messages of each stream in their order, behind replicas too."),
)  # fmt: skip
WIRE_KEYS = _described(
    address=(_text(WIRE_ADDRESS), "Between hosts: tcp://HOST:PORT, the host that listens and the first of its ports."),
    keep=(
        _one_of("all", "latest"),
        "all: a slow puller holds the pusher up. latest: only the newest frame that was not sent is kept.",
    ),
    prefetch=(  # the most is far beyond the window of any wire
        _number(most=10_000),
        "Messages that each replica may have in its queue, per pusher.",
    ),
    max_age=(SECONDS, "Seconds: a frame that is older is dropped instead of sent. off: none is."),
    encode=(_text(ENCODING), "How pixels that a node changed travel: jpeg, webp, or with a quality jpeg:85; png; raw."),
    insecure=(FLAG, "true: without keys between hosts, open to everybody who can reach its ports."),
)
HOST_KEYS = _described(
    key=(_text(KEY), "Its public key, which `python launcher.py graph.yaml keys HOST` prints."),
    address=(
        _text(HOST_ADDRESS),
        "Where others reach it, a name or an IPv4 address. Who only dials needs none.",
    ),
    port=(_number(most=LAST_PORT), "Where its launcher hears those of other hosts: each then knows how all nodes are."),
    ray=(
        _text(RAY_ADDRESS),
        "A pool: the Ray cluster that gives it machines, auto or the address of its head, 10.0.0.7:6379.",
    ),
    runtime_env=(MAPPING, "Of a pool: what its machines are to have for it, in Ray's own words: {pip: [scipy]}."),
    folder=(
        _text(),
        "Of a pool: where this file's folder lies on all its machines, in their image, say. Else it is sent.",
    ),
)
GRAPH_KEYS = _described(
    nodes=({"type": "object", "minProperties": 1}, "What runs: each node by its name."),
    wires=(MAPPING, "What is to be said of wires, each by its name. All of it is optional."),
    hosts=(MAPPING, "The machines, each by its name, where nodes run on several."),
)
