"""YAML text becomes values with lines, and what a word means is what its writer meant."""

from pathlib import Path

import pytest
import yaml

from host.reading import document
from host.reading.document import Value
from host.reading.problems import GraphError, Problems

LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


@pytest.fixture(params=LOADERS, ids=lambda loader: str(loader.__name__), autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "Loader", request.param)


def read(text: str) -> Value:
    return document.read(text, Problems("graph.yaml"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5", 5),
        ("1_000", 1000),
        ("0x1F", 31),
        ("2.5", 2.5),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ('"no"', "no"),
        ("640x360", "640x360"),
        ("12:30", "12:30"),
        ("1:30.5", "1:30.5"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("<<", "<<"),
        ("0b", "0b"),
        ("9" * 5000, "9" * 5000),
        ("0x" + "f" * 5000, "0x" + "f" * 5000),
    ],
)
def test_a_word_means_what_it_looks_like(written: str, meant: object) -> None:
    assert read(f"key: {written}").plain() == {"key": meant}


def test_values_stand_on_the_line_of_their_key_and_items_on_their_own() -> None:
    tree = read("a:\n\n  b: 1\nc:\n- x\n- y\n")

    assert isinstance(tree.data, dict)
    assert [(key, value.line) for key, value in tree.data.items()] == [("a", 1), ("c", 4)]
    inner, items = tree.data["a"].data, tree.data["c"].data
    assert isinstance(inner, dict)
    assert isinstance(items, list)
    assert inner["b"].line == 3
    assert [item.line for item in items] == [5, 6]


def test_keys_are_words_as_they_are_written() -> None:
    assert read("{on: 1, 007: 2, null: 3}").plain() == {"on": 1, "007": 2, "null": 3}


def test_a_million_brackets_are_refused_at_once() -> None:
    for text in ("[" * 1_000_000, "{a: " * 200_000, "- " * 400_000):
        with pytest.raises(GraphError, match="20 deep"):
            read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("? [a, b]\n: c", "1: a key must be a word. Put it in quotes."),
        ("a: &b", None),
        ("a: & b", "1: a text that begins with & must stand in quotes."),
        ("a: %b", "1: a text that begins with % must stand in quotes."),
        ("a: `b`", "1: a text that begins with ` must stand in quotes."),
        ('a: "\\d"', "1: a backslash has a meaning in double quotes. Use single quotes."),
        ("a: 'b", "1: a quote is opened here and never closed. Close it."),
        ("a: b\nc\nd: e", "2: this line has no colon, or no space behind it. Write key: value."),
        ("a: ]", "1: a value cannot begin with ] here. Check the brackets, or put it in quotes."),
        ("a: - b", "1: a - stands where none can. Check the indentation, or put the text in quotes."),
        ("a: |b", "1: a text that begins with | or > must stand in quotes."),
        ("a: ? b", "1: a text that begins with ? must stand in quotes."),
        ("  a: b\nc: d", "2: this line does not fit those above it. Check its indentation, quotes and brackets."),
        ("a: b\n\tc: d", "2: a tab stands in the indentation. Use spaces."),
        ("a: \ufeffb", "1: the character U+FEFF has no place in a graph. Delete it."),
    ],
)
def test_both_parsers_are_explained_in_the_same_words(text: str, words: str | None) -> None:
    if words is None:
        assert read(text).plain() == {"a": None}
        return
    with pytest.raises(GraphError) as refused:
        read(text)

    assert refused.value.problems == [f"graph.yaml:{words}"]


def test_every_alias_and_tag_is_told_at_once() -> None:
    with pytest.raises(GraphError) as refused:
        read("a: &x 1\nb: *x\nc: !!set {}\nd: !own 5\n")

    assert refused.value.problems == [
        "graph.yaml:2: *x is an alias, and graphs have none. Write the value itself, or put the text in quotes.",
        'graph.yaml:3: "!!set" is a tag, and graphs have none. Delete it.',
        'graph.yaml:4: "!own" is a tag, and graphs have none. Delete it.',
    ]


def test_a_file_is_never_read_beyond_its_limit() -> None:
    with pytest.raises(GraphError, match="/dev/zero is not a regular file"):
        document.read_text(Path("/dev/zero"), Problems("graph.yaml"))
