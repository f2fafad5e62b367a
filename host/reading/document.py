"""A YAML file -> a tree of values, each with its line. The only file that imports yaml."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from host.reading.problems import COMMAND_LINE, WHOLE_FILE, Problems, quoted
from host.reading.syntax import MAX_DEPTH, TOO_DEEP, explained

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

MAX_SIZE = 1024 * 1024  # bytes; a graph of 1,000 nodes has a tenth of it
MAX_BITS = 64  # of a whole number; a longer one stays text

# All but YAML's printable characters, a byte order mark included; no command line carries NUL or half characters.
FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

STANDARD_TAG = "tag:yaml.org,2002:"
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast


@dataclass(frozen=True)
class Value:
    """A scalar, list or mapping, and the line where it (in a mapping: its key) stands."""

    line: int
    data: Scalar | list[Value] | dict[str, Value]
    text: str = field(default="", compare=False)  # a scalar as it is written: `no`, `007`, `1.10`

    def plain(self) -> Plain:
        """The value without lines."""
        if isinstance(self.data, list):
            return [item.plain() for item in self.data]
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        return self.data

    def __str__(self) -> str:
        """How a message names the value."""
        if isinstance(self.data, list):
            return "a list"
        if isinstance(self.data, dict):
            return "a mapping"
        if isinstance(self.data, str):
            return quoted(self.data)
        return "nothing" if self.data is None else self.text


def read(text: str, problems: Problems, line: int | None = None) -> Value:
    """The tree of a YAML document. Raises GraphError if there is none, or none that can be trusted.

    `line` is the place of everything in it, if its own lines mean nothing.
    """
    reader = _Reader(text, problems, line)
    tree = None
    try:
        tree = reader.document()
    except yaml.MarkedYAMLError as error:
        reader.refuse(*explained(error, text.splitlines()))
    except _TooDeep as error:
        reader.refuse(error.line, TOO_DEEP)
    if tree is None and not reader.refused:
        reader.refuse(WHOLE_FILE, "the file is empty. Write e.g. nodes: {watcher: {run: nodes.watcher}}")
    if tree is None or reader.refused:
        raise problems.error()
    return tree


def read_text(path: Path, problems: Problems) -> str:
    """The text of the file `path`, in UTF-8. Raises GraphError."""
    absolute = path.absolute()
    try:
        if absolute.is_dir():
            problems.mistake(WHOLE_FILE, f"{absolute} is a folder. Name the file in it, e.g. {path / 'graph.yaml'}")
        elif absolute.exists() and not absolute.is_file():
            problems.mistake(WHOLE_FILE, f"{absolute} is not a regular file. Copy it to one.")
        else:
            with open(absolute, "rb") as file:
                return _decoded(file.read(MAX_SIZE + 1), problems)
    except FileNotFoundError:
        problems.mistake(WHOLE_FILE, f"there is no file {absolute}. Write its path, or start in its folder.")
    except (OSError, ValueError) as error:  # ValueError: NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        problems.mistake(WHOLE_FILE, f"{absolute} cannot be read ({reason}). Check its path and permissions.")
    raise problems.error()


def _decoded(content: bytes, problems: Problems) -> str:
    if len(content) > MAX_SIZE:
        problems.mistake(WHOLE_FILE, "the file is over 1 MiB, and no graph is. Check that it is the right file.")
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problems.mistake(WHOLE_FILE, "the file is UTF-16. Save it as UTF-8.")
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            problems.mistake(line, f"the byte 0x{content[error.start]:02X} is not UTF-8. Save the file as UTF-8.")
    raise problems.error()


def read_word(text: str) -> Value:
    """The value on a command line: a list or mapping in brackets, a text in quotes, or a word. Raises GraphError."""
    if not text.startswith(("[", "{", '"', "'")):
        return Value(COMMAND_LINE, _meaning(yaml.SafeLoader(""), text), text)
    problems = Problems(text)
    tree = read(text, problems, COMMAND_LINE)
    problems.stop()
    return tree


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Reader:
    """Builds the tree from the parser's events: nothing that a file says is ever expanded, imported or called."""

    def __init__(self, text: str, problems: Problems, line: int | None) -> None:
        self._text, self._problems, self._line = text, problems, line
        self.refused = False  # something was found that other mistakes would only follow from

    def refuse(self, line: int, words: str) -> None:
        self.refused = True
        self._problems.mistake(self._line or line, words)

    def document(self) -> Value | None:
        if found := FORBIDDEN.search(self._text):
            self._refuse_character(self._text.count("\n", 0, found.start()) + 1, found[0])
            return None
        self._events = Loader(self._text)
        try:
            return self._only_document()
        finally:
            self._events.dispose()

    def _only_document(self) -> Value | None:
        self._events.get_event()  # the stream's start
        if self._events.check_event(yaml.StreamEndEvent):
            return None
        self._events.get_event()  # the document's start
        tree = self._value(self._events.get_event(), depth=0)
        self._events.get_event()  # the document's end
        rest = self._events.get_event()
        if not isinstance(rest, yaml.StreamEndEvent):
            self.refuse(_line(rest), "a second document begins here. Write each graph in a file of its own.")
        return tree

    def _value(self, event: Any, depth: int, line: int | None = None) -> Value:
        """The value that begins with `event`; it stands on `line` where it belongs to a key."""
        line = self._line or line or _line(event)
        if depth > MAX_DEPTH:
            raise _TooDeep(line)
        if isinstance(event, yaml.AliasEvent):
            cure = "Write the value itself, or put the text in quotes."
            self.refuse(_line(event), f"*{event.anchor} is an alias, and graphs have none. {cure}")
            return Value(line, None)
        if event.tag not in (None, "!"):
            tag = event.tag.replace(STANDARD_TAG, "!!")
            self.refuse(_line(event), f"{quoted(tag)} is a tag, and graphs have none. Delete it.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return Value(line, self._list(depth))
        return Value(line, self._mapping(event, depth))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Value:
        if found := FORBIDDEN.search(event.value):  # by an escape in double quotes
            self._refuse_character(line, found[0])
        is_plain = event.implicit[0]
        return Value(line, _meaning(self._events, event.value) if is_plain else event.value, event.value)

    def _list(self, depth: int) -> list[Value]:
        items = []
        while not isinstance(event := self._events.get_event(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, start: yaml.MappingStartEvent, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        while not isinstance(event := self._events.get_event(), yaml.MappingEndEvent):
            key, line = self._value(event, depth + 1), _line(event)
            value = self._value(self._events.get_event(), depth + 1, line)
            if not isinstance(event, yaml.ScalarEvent):
                self.refuse(line, "a key must be a word. Put it in quotes.")
            elif key.text in entries:
                first = "" if self._line else f" (first on line {entries[key.text].line})"
                self._problems.mistake(value.line, f"{quoted(key.text)} is written twice{first}. Keep one of them.")
            elif start.flow_style and ":" in key.text and value.data is None:
                words = f"{quoted(key.text)} has no space behind its colon. Write {key.text.replace(':', ': ', 1)}"
                self.refuse(line, words)
            else:
                entries[key.text] = value
        return entries

    def _refuse_character(self, line: int, character: str) -> None:
        self.refuse(line, f"the character U+{ord(character):04X} has no place in a graph. Delete it.")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _meaning(loader: Any, text: str) -> Scalar:
    """What an unquoted word stands for: null, a boolean, a number, else itself. Dates and times (1:30) stay text."""
    tag = loader.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
    if tag not in ("null", "bool", "int", "float") or ":" in text:
        return text
    try:
        value: Scalar = loader.construct_object(yaml.ScalarNode(STANDARD_TAG + tag, text))
    except ValueError:  # "0b", "+_": numbers by their form only, or too long for Python
        return text
    return text if isinstance(value, int) and value.bit_length() > MAX_BITS else value
