"""What launchers tell each other: packed, and read from somebody who may say anything. docs/link.md lays it out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from bus.header import MAX_HEADER, VERSION, Malformed, check, fits
from host.link.clocks import Reading
from host.reading.shape import Graph
from host.view.facts import EVENT, STATUS, fitted

KIND = "tidings"
LEVEL = 6  # of zlib: a tenth of the bytes, in 1 ms for a graph of ten nodes
MAX_BODY = 1024 * 1024  # bytes of the second part
MAX_JSON = 4 * 1024 * 1024  # bytes that it may become: a graph of 1,000 replicas has half of it
FARTHEST = 2**33  # seconds between two clocks

HEAD = {"sent": int, "echo": int, "heard": int, "last": bool}
ESSENTIALS = {"version": int, "host": str, "run": str, "state": str, "nodes": list, "wires": list, "events": list}
Facts = dict[str, Any]


class OtherVersion(Malformed):
    """Raised when who speaks has another version of this protocol, and is to be blamed for nothing."""


class Passed(NamedTuple):
    """What somebody knows of a third host, and passes on."""

    host: str
    age: float  # seconds since it was heard there
    clock: Reading | None  # as it is seen from there
    status: Facts


class Tidings(NamedTuple):
    """One message. Times are wall-clock ns of who sent it, but `echo`."""

    sent: int
    echo: int  # `sent` of the last message that came the other way, 0 before that …
    heard: int  # … and when it came
    last: bool  # there will be no other: the launcher has ended
    status: Facts | None  # its status.json; none as long as it has none
    others: Sequence[Passed]


def head(sent: int, echo: int, heard: int, last: bool) -> bytes:
    """The first part; made last, so that `sent` is right."""
    return json.dumps({"v": VERSION, "kind": KIND, "sent": sent, "echo": echo, "heard": heard, "last": last}).encode()


def body(status: Facts | None, others: Sequence[Passed]) -> bytes:
    """The second part. What would be too long is left out: the others first, then all of it."""
    for shown, passed in ((status, others), (status, ())):
        told = [{**one._asdict(), "clock": one.clock} for one in passed]
        text = json.dumps({"status": shown, "others": told}, separators=(",", ":")).encode()
        packed = zlib.compress(text, LEVEL)
        if len(text) <= MAX_JSON and len(packed) <= MAX_BODY:
            return packed
    return body(None, ())


def read(parts: Sequence[bytes], sender: str, graph: Graph) -> Tidings:
    """The message that came as `parts` from the host `sender`. Raises Malformed, or OtherVersion."""
    if len(parts) != 2:
        raise Malformed("a message that is not two parts")
    top = _object(_parsed(parts[0], MAX_HEADER), "a header")
    if type(top.get("v")) is int and top["v"] != VERSION:
        raise OtherVersion(f"version {min(top['v'], 2**63)} of the link")
    check(top, {"v": int, "kind": {KIND}, **HEAD}, "a header")
    content = _object(_parsed(_inflated(parts[1]), MAX_JSON), "a body")
    check(content, {"others": [dict]}, "a body")
    said = content.get("status")
    return Tidings(
        **{name: top[name] for name in HEAD},
        status=None if said is None else of_host(said, sender, graph),
        others=[passed for one in content["others"] if (passed := _passed(one, sender, graph))],
    )


def of_host(said: Any, host: str, graph: Graph) -> Facts:
    """A status that is to be of `host`, with its own nodes and the wires that these push. Raises Malformed."""
    status = _object(said, "a status")
    check(status, ESSENTIALS, "a status")
    if status["host"] != host:
        raise Malformed(f"a status that is not of {host}")
    whole: Facts = fitted(status, STATUS)
    own = {name: node for name, node in graph.nodes.items() if graph.launcher(node) == host}
    pushed = {wire for node in own.values() for wire in node.pushes}
    whole["nodes"] = _named(whole["nodes"], own)
    for node in whole["nodes"]:
        node["host"], node["launcher"] = own[node["name"]].host, host
        node["replicas"] = _named(node["replicas"], own[node["name"]].names)
    whole["wires"] = _named(whole["wires"], pushed)
    whole["events"] = [event for event in whole["events"] if len(event) == len(EVENT) and all(map(_is_a, event, EVENT))]
    return whole


def _named(said: Sequence[Facts], names: Collection[str]) -> list[Facts]:
    """Those of `names`, each once."""
    return list({one["name"]: one for one in said if one["name"] in names}.values())


def _passed(said: Facts, sender: str, graph: Graph) -> Passed | None:
    """What is told of a third host; None if that is none of the graph's, or the sender itself. Raises Malformed."""
    host = graph.hosts.get(said["host"]) if type(said.get("host")) is str else None
    if host is None or host.name == sender:
        return None
    age, clock = said.get("age", -1), said.get("clock")
    if not _is_number(age) or age < 0:
        raise Malformed("an age that is no number of seconds")
    if clock is not None and not (fits(clock, list) and len(clock) == 3 and all(map(_is_number, clock))):
        raise Malformed("a clock that is not three numbers")
    status = of_host(said.get("status"), host.name, graph)
    return Passed(host.name, age, Reading(*clock) if clock else None, status)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -FARTHEST < value < FARTHEST


def _is_a(value: Any, kind: type) -> bool:
    return _is_number(value) if kind is float else type(value) is kind


def _inflated(part: bytes) -> bytes:
    if len(part) > MAX_BODY:
        raise Malformed(f"a body of more than {MAX_BODY} bytes")
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(part, MAX_JSON + 1)
    except zlib.error:
        raise Malformed("a body that is not packed") from None
    if not unpacking.eof and len(text) <= MAX_JSON:
        raise Malformed("a body that is not whole")
    return text


def _parsed(text: bytes, most: int) -> Any:
    if len(text) > most:
        raise Malformed(f"more than {most} bytes of JSON")
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Malformed("what is not JSON") from None


def _no_number(name: str) -> float:
    raise ValueError(name)


def _object(value: Any, what: str) -> Facts:
    if type(value) is not dict:
        raise Malformed(f"{what} that is no object")
    return value
