"""The value of `pull` or `push` -> which wires, by the name of the input or output if it has one."""

from __future__ import annotations

from host.document import Value
from host.problems import Problems, quoted
from host.section import Section, refuse_bad_name

Ends = dict[str, list[Value]]  # input or output ("" where they have no names) -> the mentions of its wires

SIDES = {"pull": "an input", "push": "an output"}
VERBS = {"pull": "pulls", "push": "pushes"}


def read(name: str, section: Section, key: str, problems: Problems) -> Ends:
    """What stands under `key` of the node `name`: one wire, a list of them, or a mapping of names to either."""
    entry = section.get(key)
    if entry is None:
        return {}
    named = entry.data if isinstance(entry.data, dict) else {"": entry}
    ends = {side: _wires(value) for side, value in named.items()}
    if not ends or not all(ends.values()):
        form = f"a wire, a list of wires or a mapping of {SIDES[key].split()[1]}s to wires"
        problems.mistake(entry.line, f"{quoted(name)} must {key} {form}. Write e.g. {key}: frames")
    for side, wires in ends.items():
        if side or isinstance(entry.data, dict):
            refuse_bad_name(SIDES[key], side, wires[0].line if wires else entry.line, problems)
    _refuse_twice(name, key, ends, problems)
    return ends


def _wires(value: Value) -> list[Value]:
    items = value.data if isinstance(value.data, list) else [value]
    return items if all(isinstance(item.data, str) and item.data for item in items) else []


def _refuse_twice(name: str, key: str, ends: Ends, problems: Problems) -> None:
    seen = set()
    for wire in (wire for wires in ends.values() for wire in wires):
        if wire.text in seen:
            problems.mistake(wire.line, f"{quoted(name)} {VERBS[key]} {quoted(wire.text)} twice. Keep one of them.")
        seen.add(wire.text)
