"""One mapping of graph.yaml whose keys are known: its values, each checked for what it may be."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from host.reading.document import Value
from host.reading.problems import Problems, listed, quoted

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RANGE = re.compile(r"([1-9][0-9]{0,2})\.\.([1-9][0-9]{0,2})")  # of numbers: 2..6
NAME_RULE = "A name is a letter, then letters, digits and underscores."


class Section:
    """The entries of a node, a wire, a host or the whole graph.

    One mistake is not to bring others with it. So a misspelt key is read as what it was meant to be, and a value that
    cannot be right as if it were not there.
    """

    def __init__(self, who: str, value: Value, keys: Mapping[str, Mapping[str, Any]], problems: Problems) -> None:
        """`keys`: those of host/reading/keys.py that it may have."""
        self.who, self.line = who, value.line
        self._keys = keys
        self._problems = problems
        self._entries: dict[str, Value] = {}
        self.is_mapping = isinstance(value.data, dict)
        if not isinstance(value.data, dict):
            problems.mistake(
                value.line, f"{who} must be a mapping with keys such as {listed([*keys][:2])}, not {value}."
            )
            return
        for key, entry in value.data.items():
            if key in keys:
                self._entries[key] = entry
                continue
            meant = problems.nearest(key, keys)
            cure = f"Did you mean {quoted(meant)}?" if meant else f"Known are {listed(keys)}."
            problems.mistake(entry.line, f"{who} has an unknown key {quoted(key)}. {cure}")
            if meant and meant not in value.data:
                self._entries[meant] = entry

    def get(self, key: str) -> Value | None:
        return self._entries.get(key)

    def line_of(self, key: str) -> int:
        """Where `key` stands, or would."""
        return self._entries[key].line if key in self._entries else self.line

    def mistake(self, key: str, words: str) -> None:
        """Note what is wrong with the value of `key`."""
        self._problems.mistake(self.line_of(key), f"{self.who}: {words}")

    def mapping(self, key: str) -> dict[str, Value]:
        """The entries of a mapping that may be left empty."""
        entry = self.get(key)
        if entry is None or entry.data is None:
            return {}
        if isinstance(entry.data, dict):
            return entry.data
        self.mistake(key, f"{key} must be a mapping of names to values, not {entry}.")
        return {}

    def text(self, key: str, example: str) -> str | None:
        """A text that is not empty."""
        entry = self.get(key)
        if entry is None or (isinstance(entry.data, str) and entry.data):
            return entry.text if entry else None
        self.mistake(key, f"{key} must be a text, not {entry}. Write e.g. {key}: {example}")
        return None

    def whole(self, key: str) -> int | None:
        """A whole number from 1 on."""
        entry, most = self.get(key), self._keys[key]["maximum"]
        if entry is None:
            return None
        if type(entry.data) is int and 1 <= entry.data <= most:  # True is an int, too
            return entry.data
        self.mistake(key, f"{key} must be a whole number from 1 to {most}, not {entry}.")
        return None

    def span(self, key: str, most: int) -> tuple[int, int]:
        """A whole number from 1 on, which is the least and the most, or a range of such numbers; 1 if not given."""
        entry = self.get(key)
        if entry is None:
            return 1, 1
        if type(entry.data) is int and 1 <= entry.data <= most:  # True is an int, too
            return entry.data, entry.data
        if isinstance(entry.data, str) and (found := RANGE.fullmatch(entry.data)):
            first, last = map(int, found.groups())
            if first <= last <= most:
                return first, last
            if last < first <= most:
                self.mistake(key, f"{key} must begin with the smaller number, not {entry}. Write {last}..{first}")
                return 1, 1
        self.mistake(key, f"{key} must be a whole number from 1 to {most}, or a range such as 2..6, not {entry}.")
        return 1, 1

    def seconds(self, key: str) -> float | None:
        """A time, or `off`."""
        entry = self.get(key)
        if entry is None or entry.data is False:
            return None
        if isinstance(entry.data, int | float) and entry.data is not True and 0 < entry.data < math.inf:
            return float(entry.data)
        self.mistake(key, f"{key} must be a number of seconds above 0, or off, not {entry}.")
        return None

    def flag(self, key: str) -> bool:
        """true or false; false where it is not given."""
        entry = self.get(key)
        if entry is not None and not isinstance(entry.data, bool):
            self.mistake(key, f"{key} must be true or false, not {entry}.")
        return entry is not None and entry.data is True

    def one_of(self, key: str) -> str:
        """One of the words that it may be; the first where it is not given."""
        entry, words = self.get(key), self._keys[key]["enum"]
        if entry is None or entry.data in words:
            return str(entry.data if entry else words[0])
        self.mistake(key, f"{key} must be {listed(words, 'or')}, not {entry}.")
        return str(words[0])


def refuse_bad_name(what: str, name: str, line: int, problems: Problems) -> None:
    """Note a name that a node (`what` is "a node"), a wire or the like cannot have."""
    if not NAME.fullmatch(name):
        problems.mistake(line, f"{quoted(name)} cannot be the name of {what}. {NAME_RULE}")
