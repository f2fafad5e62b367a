"""Whether what graph.yaml gives a node fits what its function takes."""

from __future__ import annotations

from collections.abc import Mapping

from host.reading.document import Plain, Value
from host.reading.keys import NODE_KEYS
from host.reading.problems import COMMAND_LINE, Problems, listed, quoted
from host.reading.signature import Argument, Signature

# What stands on every node's command line, or in graph.yaml beside `args`.
RESERVED = {"name", "run", "key", "grant", "trace", "pull", "push", "try", "reload", "help", *NODE_KEYS}

KIND_OF = {str: "text", bool: "bool", int: "int", float: "float", list: "list", dict: "mapping"}
WORDS = {
    "text": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "mapping": "a mapping",
}


class Contract:
    """What the function of the node `name` takes."""

    def __init__(self, name: str, signature: Signature, problems: Problems) -> None:
        self._who = quoted(name)
        self._takes = signature
        self._problems = problems

    def names(self, line: int) -> None:
        """Check that no parameter is called like what every node has. `line` is where the graph names the function."""
        for name in sorted(self._takes.arguments.keys() & RESERVED):
            words = f"the function of {self._who} has an argument {quoted(name)}, which means something for every node."
            self._problems.mistake(line, f"{words} Rename it in the function.")

    def arguments(self, given: Mapping[str, Value], line: int) -> dict[str, Plain]:
        """The arguments as the function takes them. `line` is where `args` stands."""
        for name, argument in self._takes.arguments.items():
            if argument.required and (name not in given or given[name].data is None):
                self._problems.mistake(line, f"{self._who} needs the argument {quoted(name)}. Add it under args.")
        return {name: self._argument(name, value) for name, value in given.items() if name not in RESERVED}

    def inputs(self, given: Mapping[str, int], line: int) -> None:
        """Check that every input that must be wired is, and no other.

        `given` is each input's line ("": `pull` names no inputs), `line` where `pull` stands.
        """
        required = [name for name, must in self._takes.inputs.items() if must]
        if given and not self._takes.inputs:
            words = "takes no input. Remove its pull, or give its function a parameter."
        elif "" in given and len(required) > 1:
            named = ", ".join(f"{name}: …" for name in required)
            words = f"has the inputs {listed(required)}. Write pull: {{{named}}}"
        else:
            self._named_inputs(given, required, line)
            return
        self._problems.mistake(line, f"{self._who} {words}")

    def _named_inputs(self, given: Mapping[str, int], required: list[str], line: int) -> None:
        takes = self._takes.inputs
        unknown = [name for name in given if name and name not in takes]
        meant = [self._problems.nearest(name, takes) for name in unknown]
        for name in unknown:
            cure = self._problems.did_you_mean(name, takes)
            self._problems.mistake(given[name], f"{self._who} has no input {quoted(name)}. {cure}")
        for name in required:
            if name not in (*given, *meant) and "" not in given:
                cure = "Add it under pull." if given else "Add e.g. pull: frames"
                self._problems.mistake(line, f"{self._who} needs a wire for its input {quoted(name)}. {cure}")

    def _argument(self, name: str, value: Value) -> Plain:
        if argument := self._takes.arguments.get(name):
            return self._fitted(name, value, argument)
        if name in self._takes.inputs:
            words = f"{quoted(name)} is an input of {self._who}. Wire it with pull, or put it behind * in the function."
        else:
            known = [*self._takes.arguments, *(NODE_KEYS if value.line == COMMAND_LINE else ())]
            words = f"{self._who} has no argument {quoted(name)}. {self._problems.did_you_mean(name, known)}"
        self._problems.mistake(value.line, words)
        return None

    def _fitted(self, name: str, value: Value, argument: Argument) -> Plain:
        """The value as the function takes it. Where text is wanted, a scalar is what is written: `007`, `no`."""
        kind = KIND_OF.get(type(value.data))
        kinds = argument.kinds
        if kind is None or not kinds or kind in kinds or (kind == "int" and "float" in kinds):
            return value.plain()
        if "text" in kinds and kind not in ("list", "mapping"):
            return value.text
        wanted = listed([words for one, words in WORDS.items() if one in kinds], "or")
        self._problems.mistake(value.line, f"argument {quoted(name)} of {self._who} must be {wanted}, not {value}.")
        return None


def refuse_reserved(node: str, given: Mapping[str, Value], problems: Problems) -> None:
    """Note arguments in `args` whose names mean something for every node."""
    for name in sorted(given.keys() & RESERVED):
        words = f"{quoted(node)} cannot have an argument {quoted(name)}"
        if name in NODE_KEYS:
            problems.mistake(given[name].line, f"{words}: it is a key of the node. Write it beside args.")
        else:
            problems.mistake(given[name].line, f"{words}: the launcher sets it. Remove it.")
