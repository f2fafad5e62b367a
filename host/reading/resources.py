"""`resources` of a node: what each replica takes of a machine, in Ray's own words, which exports read, too."""

from __future__ import annotations

import math

from host.reading.document import Plain, Value
from host.reading.keys import OWN_WORD, RESOURCES
from host.reading.problems import Problems, quoted
from host.reading.section import Section

EXAMPLES = {
    "memory": "8000000000, in bytes",
    "accelerator_type": "A100",
    "resources": "{camera: 1}",
    "label_selector": "{zone: lab}",
}


def read(section: Section, problems: Problems) -> dict[str, Plain]:
    """What stands there. Notes words that Ray does not know, and values that it would not take."""
    given = section.mapping("resources")
    for word, value in given.items():
        if word not in RESOURCES:
            words = f"{quoted(word)} is none of Ray's words for what a replica takes."
            problems.mistake(value.line, f"{section.who}: {words} {problems.did_you_mean(word, RESOURCES)}")
        elif trouble := _trouble(word, value):
            cure = f"Write e.g. {word}: {EXAMPLES.get(word, 1)}"
            problems.mistake(value.line, f"{section.who}: {trouble}. {cure}")
    return {word: value.plain() for word, value in given.items()}


def _trouble(word: str, value: Value) -> str:
    """What is wrong with it; nothing if nothing is."""
    if word == "resources":
        if not isinstance(value.data, dict):
            return f"{word} must be a mapping of names to numbers, not {value}"
        if taken := next((name for name in value.data if name in OWN_WORD), None):
            return f"{taken} stands under {word}, and Ray has a word of its own for it, {OWN_WORD[taken]}"
        wrong = next((name for name, amount in value.data.items() if not _is_amount(amount)), None)
        return f"{wrong} must be a number from 0 on, not {value.data[wrong]}" if wrong is not None else ""
    if word == "label_selector":
        is_one = isinstance(value.data, dict) and all(_is_text(text) for text in value.data.values())
        return "" if is_one else f"{word} must be a mapping of labels to texts, not {value}"
    if word == "accelerator_type":
        return "" if _is_text(value) else f"{word} must be a text, not {value}"
    return "" if _is_amount(value) else f"{word} must be a number from 0 on, not {value}"


def _is_amount(value: Value) -> bool:
    data = value.data
    return isinstance(data, int | float) and not isinstance(data, bool) and 0 <= data < math.inf


def _is_text(value: Value) -> bool:
    return isinstance(value.data, str) and bool(value.data)
