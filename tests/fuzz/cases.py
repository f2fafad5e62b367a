"""What is tried: the corpus's files and the wire's messages, damaged in the ways that decoders and parsers fear."""

import json
import re
import struct
import zlib
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.corpus import CLEAN, TABLE
from tests.craft import picture, saved, scans
from tests.fuzz.judge import Case

SMALL = 20_000  # bytes of a seed: larger ones are tried by the corpus itself, and only slow the search
NUMBERS = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    4095,
    9000,
    16383,
    32767,
    32768,
    65535,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
EARLY = 200  # bytes, where headers are
BEGINNINGS = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBPVP8X", b"BM")
SCAN = re.compile(rb"\xff\xda.*?(?=\xff[\xc4\xd9\xda])", re.DOTALL)  # of a JPEG, up to the next table, scan or end

MESSAGE = {
    "v": 1, "kind": "message", "epoch": "9f", "n": 17, "low": 12, "tries": 0,
    "meta": {
        "stream": "cam 1", "number": 7, "name": "a/b%41.jpg", "captured": 1_700_000_000_000_000_000, "time": "written",
        "hops": [["camera.1", 5], ["converter.2", 6]], "data": {"rate": 25.0, "size": [640, 480]},
    },
}  # fmt: skip
PING = {"v": 1, "kind": "ping", "epoch": "9f", "low": 12, "ping": 5, "closed": False, "end": False}
STATE = {
    "v": 1, "kind": "state", "incarnation": "c0", "epoch": "9f", "credit": 8, "echo": 5, "ended": False,
    "released": [17], "done": [[16, "done", ""]], "returned": [[15, True, "ValueError: x"]],
    "open": [17], "held": [14], "hand": [["9f", 13]],
}  # fmt: skip
STRANGE_TEXTS = (
    "",
    "..",
    "/",
    "/dev/zero",
    "/etc/passwd",
    "a\0b",
    "%00",
    "%2e%2e/x",
    "\ud800",
    "\udc80",
    "%ff",
    "é",
    "x" * 999,
)
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 2**31, 2**63 - 1, 2**63, 10**400, 1e308, float("inf"), float("nan"), -0.0, 1.5]),
    st.sampled_from(STRANGE_TEXTS),
    st.text(max_size=20),
    st.sampled_from([[], {}, [[]], ["RGB", 2, 2], ["L", 2**40, 0], ["RGB", 1, 1], [["a", 1]], {"a": {"b": [None]}}]),
    st.recursive(
        st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
    st.integers(1, 3000).map(lambda depth: json.loads("[" * min(depth, 300) + "]" * min(depth, 300))),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["image"] * 6 + ["message", "message", "state"]))
    if kind == "image":
        return Case(kind, (draw(images()),))
    if kind == "state":
        return Case(kind, (draw(headers(STATE)),))
    header = draw(st.sampled_from([MESSAGE, MESSAGE, {**MESSAGE, "kind": "skip", "meta": SKIP}, PING]))
    return Case(kind, (draw(headers(header)), draw(st.sampled_from([b"", bytes(12), CLEAN, b"x" * 3]))))


SKIP = {"stream": "cam 1", "number": 7, "last": 9}


# ---- image files


@cache
def seeds() -> list[bytes]:
    return [body for case in TABLE if 0 < len(body := case.make()) <= SMALL]


@cache
def large() -> list[bytes]:
    return [scans(1, 2000), saved("JPEG", picture(2000, 2000), progressive=True, restart_marker_rows=1)]


@st.composite
def images(draw: st.DrawFn) -> bytes:
    chance = draw(st.randoms(use_true_random=True))  # from hypothesis's seed, but ten times as fast as drawing each
    if not chance.randrange(20):
        return chance.choice(BEGINNINGS) + chance.randbytes(chance.randrange(2000))
    if not chance.randrange(50):
        return many_scans(chance)
    body = bytearray(chance.choice(seeds()))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        damage(body, chance)
    return _mended(bytes(body)) if chance.randrange(4) else bytes(body)


def damage(body: bytearray, chance: Random) -> None:
    """One damage: a bit, some bytes, a number, a cut, a hole, a repetition, or a piece of another file."""
    at = chance.randrange(min(len(body), chance.choice((EARLY, 2**30))) + 1)
    match chance.randrange(10):
        case 0 | 1 | 2:
            body[at : at + 1] = bytes([(body[at] if at < len(body) else 0) ^ 1 << chance.randrange(8)])
        case 3:
            body[at : at + 4] = chance.randbytes(chance.randint(1, 4))
        case 4 | 5 | 6:
            form = chance.choice(("<H", ">H", "<I", ">I"))
            number = chance.choice(NUMBERS) % 2 ** (8 * struct.calcsize(form))
            body[at : at + struct.calcsize(form)] = struct.pack(form, number)
        case 7:
            del body[at : at + chance.choice((1, 2, 30, 300, 2**30))]
        case 8:
            body[at:at] = body[at : at + chance.randint(1, 300)] * chance.randint(1, 50)
        case _:
            other = chance.choice(seeds())
            start = chance.randrange(len(other))
            body[at:at] = other[start : start + chance.randint(1, 3000)]


def many_scans(chance: Random) -> bytes:
    """A large JPEG with one of its scans over and over, hidden behind markers of any kind."""
    body = chance.choice(large())
    found = chance.choice([*SCAN.finditer(body)][-3:])
    scan = found[0] if len(found[0]) < SMALL else found[0][:100]
    marker = chance.choice((0x01, 0x02, 0xBF, 0xD0, 0xFE, chance.randrange(256)))
    between = bytes((0xFF, marker)) + chance.choice((b"", b"\0\2", b"\xff"))
    again = [scan + between * (not chance.randrange(60)) for _ in range(chance.choice((2, 60, 110, 1000)))]
    return body[: found.end()] + between + b"".join(again) + body[found.end() :]


def _mended(body: bytes) -> bytes:
    """A PNG with right checksums again, so that its damage is not all that is looked at."""
    if not body.startswith(b"\x89PNG\r\n\x1a\n"):
        return body
    out, at = bytearray(body[:8]), 8
    while at + 12 <= len(body):
        length = int.from_bytes(body[at : at + 4], "big")
        content = body[at + 4 : at + 8 + length]
        out += body[at : at + 4] + content + struct.pack(">I", zlib.crc32(content))
        at += 12 + length
    return bytes(out) + body[at:]


# ---- messages


@st.composite
def headers(draw: st.DrawFn, valid: dict[str, Any]) -> bytes:
    header = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(0, 3))):
        _swap(draw, header)
    part = bytearray(json.dumps(header).encode())
    if not draw(st.integers(0, 3)):
        damage(part, draw(st.randoms(use_true_random=True)))
    return bytes(part)


def _swap(draw: st.DrawFn, header: dict[str, Any]) -> None:
    """One field goes, becomes something strange, or is new."""
    inner = header.get("meta")
    fields = inner if isinstance(inner, dict) and draw(st.integers(0, 3)) else header
    field = draw(st.sampled_from([*fields, "raw", "file", "empty", "data", "x"]))
    if draw(st.integers(0, 4)):
        fields[field] = deepcopy(draw(STRANGE))  # the next damage may be inside of it
    else:
        fields.pop(field, None)
