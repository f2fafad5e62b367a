"""The first part: JSON of a known version, whose fields have known shapes."""

from typing import Any

import pytest

from bus.header import LARGEST, MAX_HEADER, Malformed, check, fits, from_wire, pack, to_wire, unpack


def test_what_is_packed_can_be_unpacked() -> None:
    header = {"v": 1, "kind": "ping", "text": "\N{SNOWMAN}", "list": [1, None, {"a": 1.5}]}
    assert unpack(pack(header)) == header


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * MAX_HEADER, "not JSON"),
        (b'{"v": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b"null", "not of version 1"),
        (b"[0]", "not of version 1"),
        (b"{}", "not of version 1"),
        (b'{"v": false}', "not of version 1"),
        (b'{"v": 1.0}', "not of version 1"),
        (b'{"v": 0}', "not of version 1"),
        (b'{"v": 1}' + b" " * MAX_HEADER, f"more than {MAX_HEADER} bytes"),
    ],
)
def test_anything_else_is_malformed(part: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        unpack(part)


@pytest.mark.parametrize(
    ("value", "shape", "whether"),
    [
        (0, int, True),
        (LARGEST, int, True),
        (LARGEST + 1, int, False),
        (-1, int, False),
        (True, int, False),
        (1.0, int, False),
        ("a", str, True),
        (None, str, False),
        (False, bool, True),
        (0, bool, False),
        ({}, dict, True),
        ([], dict, False),
        ("a", {"a", "b"}, True),
        ("c", {"a", "b"}, False),
        (["a"], {"a", "b"}, False),
        ([], [int], True),
        ([1, 2, 3], [int], True),
        ([1, "2"], [int], False),
        ("12", [str], False),
        ([1, "a"], (int, str), True),
        ([1], (int, str), False),
        ([1, "a", 2], (int, str), False),
        ([[1, "a"], [2, "b"]], [(int, str)], True),
        ([[1, "a"], [2, 3]], [(int, str)], False),
    ],
)
def test_a_value_fits_its_shape_or_not(value: Any, shape: Any, whether: bool) -> None:
    assert fits(value, shape) is whether


def test_the_field_that_is_wrong_is_named() -> None:
    with pytest.raises(Malformed, match="a ping without low"):
        check({"n": 1}, {"n": int, "low": int}, "a ping")
    with pytest.raises(Malformed, match="a ping whose low is of a wrong kind"):
        check({"n": 1, "low": "1"}, {"n": int, "low": int}, "a ping")


@pytest.mark.parametrize(
    "name", ["a/b c.jpg", "caf\udce9.jpg", "100%", "\N{SNOWMAN}", "new\nline", "tab\t", "\x7f", ""]
)
def test_names_are_printable_ascii_on_the_wire(name: str) -> None:
    assert to_wire(name).isascii()
    assert to_wire(name).isprintable()
    assert from_wire(to_wire(name)) == name


def test_a_plain_name_stays_as_it_is_and_unicode_from_elsewhere_is_understood() -> None:
    assert to_wire("cam 1/a-000001.jpg") == "cam 1/a-000001.jpg"
    assert from_wire("caf\N{LATIN SMALL LETTER E WITH ACUTE}") == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    with pytest.raises(Malformed, match="half a surrogate pair"):
        from_wire("\ud800")
