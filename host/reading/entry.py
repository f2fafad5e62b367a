"""One entry under `nodes` -> a Node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from host.reading import resources
from host.reading.contract import Contract, refuse_reserved
from host.reading.document import Plain, Value
from host.reading.keys import MEMORY, MOST_REPLICAS, NODE_KEYS, OWN_VARIABLES, VARIABLE
from host.reading.problems import Problems, quoted
from host.reading.program import NODES, Program, Programs
from host.reading.section import Section, refuse_bad_name
from host.reading.shape import Node

STALL = 30.0  # seconds; what our own nodes do to one message takes far less
POWERS = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}  # of 1000, or of 1024 with an i
LEAST_MEMORY = 1_000_000  # bytes; less is a slip of the unit
VARIABLE_RULE = "A variable is a letter or underscore, then letters, digits and underscores."
SIDES = {"pull": "an input", "push": "an output"}
VERBS = {"pull": "pulls", "push": "pushes"}

WrittenEnds = dict[str, list[Value]]  # input or output ("" where they have no names) -> the mentions of its wires
Mentions = defaultdict[str, dict[str, int]]  # wire -> node that names it -> the line where it does


class Entries:
    """Reads the nodes of one graph, and notes where they name their wires."""

    def __init__(self, folder: Path, hosts: Collection[str], problems: Problems) -> None:
        self.pushed: Mentions = defaultdict(dict)
        self.pulled: Mentions = defaultdict(dict)
        self._hosts = hosts
        self._problems = problems
        self._programs = Programs(folder, problems)

    def node(self, name: str, entry: Value) -> Node:
        """The node `name`, as far as its entry makes sense."""
        section = Section(f"node {quoted(name)}", entry, NODE_KEYS, self._problems)
        if not section.is_mapping:
            return Node(name, entry.line)
        env = self._env(section)
        host = self._host(section)
        program = self._programs.of(name, section, env, is_elsewhere=host is not None and len(self._hosts) > 1)
        inputs = self._ends(name, section, "pull", self.pulled)
        outputs = self._ends(name, section, "push", self.pushed)
        args = self._args(name, section, program, inputs)
        least, replicas = self._replicas(section, inputs)
        return Node(
            name,
            entry.line,
            run=program.run,
            command=program.command,
            source=program.source,
            signature=program.signature,
            host=host,
            replicas=replicas,
            least=least,
            restart=self._restart(section),
            stall=section.seconds("stall") if section.get("stall") else _stall(program),
            memory=self._memory(section),
            in_order=self._in_order(section, least, replicas, inputs),
            resources=resources.read(section, self._problems),
            env=env,
            args=args,
            folder=_folder(args, program),
            inputs=_names(inputs),
            outputs=_names(outputs),
        )

    def _ends(self, name: str, section: Section, key: str, mentions: Mentions) -> WrittenEnds:
        found = _read_ends(name, section, key, self._problems)
        for wire in (wire for wires in found.values() for wire in wires):
            mentions[wire.text].setdefault(name, wire.line)
        return found

    def _args(self, name: str, section: Section, program: Program, inputs: WrittenEnds) -> dict[str, Plain]:
        given = section.mapping("args")
        refuse_reserved(name, given, self._problems)
        if program.signature is None:
            return {argument: value.plain() for argument, value in given.items()}
        contract = Contract(name, program.signature, self._problems)
        contract.names(section.line_of("run"))
        contract.inputs({side: wires[0].line for side, wires in inputs.items() if wires}, section.line_of("pull"))
        return contract.arguments(given, section.line_of("args"))

    def _host(self, section: Section) -> str | None:
        host = section.text("host", example="station")
        if host is None or host in self._hosts:
            return host
        cure = self._problems.did_you_mean(host, self._hosts)
        if not self._hosts:
            cure = f'Add hosts: {{{host}: {{key: "…"}}}}'
        section.mistake("host", f"{quoted(host)} is not under hosts. {cure}")
        return host

    def _env(self, section: Section) -> dict[str, str]:
        """The variables, each as it is written."""
        given = section.mapping("env")
        for name, value in given.items():
            if name in OWN_VARIABLES:
                words = f"env cannot hold {quoted(name)}: the launcher sets it. Remove it."
            elif not VARIABLE.fullmatch(name):
                words = f"env cannot hold {quoted(name)}. {VARIABLE_RULE}"
            elif isinstance(value.data, list | dict | None):
                words = f"env {quoted(name)} must be a text, not {value}. Put it in quotes."
            else:
                continue
            self._problems.mistake(value.line, f"{section.who}: {words}")
        return {name: value.text for name, value in given.items()}

    def _restart(self, section: Section) -> str:
        entry = section.get("restart")
        if entry is not None and isinstance(entry.data, bool):
            cure = "always" if entry.data else "never"
            meaning = f"restart: {entry} means {str(entry.data).lower()} in YAML"
            section.mistake("restart", f"{meaning}. Write restart: {cure}")
            return str(NODE_KEYS["restart"]["default"])
        return section.one_of("restart")

    def _memory(self, section: Section) -> int | None:
        entry = section.get("memory")
        if entry is None:
            return None
        if found := MEMORY.fullmatch(entry.text):
            number, power, binary = found.groups()
            size = int(float(number) * (1024 if binary else 1000) ** POWERS[power])
            if size >= LEAST_MEMORY:
                return size
        section.mistake("memory", f"memory must be a size of at least 1MB, such as 2GB, not {entry}.")
        return None

    def _replicas(self, section: Section, inputs: WrittenEnds) -> tuple[int, int]:
        """The least and the most of them."""
        least, most = section.span("replicas", MOST_REPLICAS)
        if least < most and not inputs:
            words = f"replicas: {least}..{most} follows what waits for a node, and this one pulls nothing."
            section.mistake("replicas", f"{words} Write how many there are to be.")
        elif least < most and section.get("command"):
            words = 'more replicas come only for a command that keeps books: see "Measures" in docs/wire.md.'
            self._problems.warning(section.line_of("replicas"), f"{section.who}: {words}")
        return least, most

    def _in_order(self, section: Section, least: int, replicas: int, inputs: WrittenEnds) -> bool:
        wanted = section.flag("in_order")
        if wanted and not inputs:
            section.mistake("in_order", "in_order puts in order what a node pulls, and it pulls nothing. Remove it.")
        elif wanted and replicas > 1:
            count = replicas if least == replicas else f"{least}..{replicas}"
            words = f"in_order needs all messages in one process, but replicas is {count}. Remove one of the two."
            section.mistake("in_order", words)
        elif wanted and section.get("command"):
            words = 'whether in_order has an effect is up to the command: see "Order" in docs/wire.md.'
            self._problems.warning(section.line_of("in_order"), f"{section.who}: {words}")
        return wanted


def _names(found: WrittenEnds) -> dict[str, tuple[str, ...]]:
    return {side: tuple(wire.text for wire in wires) for side, wires in found.items()}


def _stall(program: Program) -> float | None:
    """The default: only of our own nodes we know how long they may take."""
    return STALL if program.source and program.source.is_relative_to(NODES) else None


def _folder(args: Mapping[str, Plain], program: Program) -> str | None:
    """Where the node's files are: its argument `folder`, else that argument's default."""
    folder: object = args.get("folder")
    if folder is None and program.signature and (argument := program.signature.arguments.get("folder")):
        folder = argument.default
    return folder if isinstance(folder, str) else None


def _read_ends(name: str, section: Section, key: str, problems: Problems) -> WrittenEnds:
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


def _refuse_twice(name: str, key: str, ends: WrittenEnds, problems: Problems) -> None:
    seen = set()
    for wire in (wire for wires in ends.values() for wire in wires):
        if wire.text in seen:
            problems.mistake(wire.line, f"{quoted(name)} {VERBS[key]} {quoted(wire.text)} twice. Keep one of them.")
        seen.add(wire.text)
