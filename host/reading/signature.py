"""What a node takes: the signature of the function that its module passes to `run`, read from the source."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bus.described import described

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Annotation -> what of YAML fits it; an annotation that is not here takes anything.
KINDS = {
    **dict.fromkeys(("str", "Path", "PurePath", "PathLike", "Literal"), "text"),
    **dict.fromkeys(("list", "List", "tuple", "Tuple", "set", "Sequence", "Iterable"), "list"),
    **dict.fromkeys(("dict", "Dict", "Mapping"), "mapping"),
    "int": "int",
    "float": "float",
    "bool": "bool",
    "None": "nothing",
}


class Unclear(Exception):
    """Raised when no signature can be read; the words say why."""


@dataclass(frozen=True)
class Argument:
    """A keyword-only parameter."""

    kinds: frozenset[str]  # of KINDS' values that it takes; empty: anything
    required: bool
    default: object = None  # where it is a literal
    about: str = ""  # what the function's docstring says of it


@dataclass(frozen=True)
class Signature:
    """The contract of a node function."""

    inputs: dict[str, bool]  # positional parameter -> whether it must be wired
    arguments: dict[str, Argument]


def read(source: Path) -> Signature:
    """The signature of the node in the file `source`.

    Raises Unclear if the file does not show it, SyntaxError if it is no Python, OSError if it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a node's own business, said when it runs
            tree = ast.parse(source.read_bytes())
        function = _passed_to_run(tree)
        return _signature(function.args, described(ast.get_docstring(function)))
    except ValueError as error:  # a NUL, before Python 3.12
        raise SyntaxError(str(error)) from error
    except (RecursionError, MemoryError):
        raise Unclear("its code is nested too deeply") from None


def _passed_to_run(tree: ast.Module) -> Function:
    """The function in `run(function)` under `if __name__ == "__main__":`."""
    name = _name_passed_to_run(tree)
    function = next((one for one in tree.body if isinstance(one, Function) and one.name == name), None)
    if function is None:
        raise Unclear(f"{name} is not defined there")
    if function.decorator_list:
        raise Unclear(f"a decorator may change what {name} takes")
    return function


def _name_passed_to_run(tree: ast.Module) -> str:
    for statement in tree.body:
        if not (isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"):
            continue
        for call in ast.walk(statement):
            if isinstance(call, ast.Call) and call.args and ast.unparse(call.func) in ("run", "bus.run"):
                return ast.unparse(call.args[0])
    raise Unclear('no run(…) stands under if __name__ == "__main__"')


def _signature(parameters: ast.arguments, about: Mapping[str, str]) -> Signature:
    positional = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
    first_optional = len(positional) - len(parameters.defaults)
    return Signature(
        {name: index < first_optional for index, name in enumerate(positional)},
        {
            parameter.arg: _argument(parameter.annotation, default, about.get(parameter.arg, ""))
            for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        },
    )


def _argument(annotation: ast.expr | None, default: ast.expr | None, about: str) -> Argument:
    value, is_literal = _literal(default)
    if annotation is not None:
        kinds = {KINDS.get(name, "") for name in _names(annotation)}
    elif default is None or (is_literal and value is None):
        kinds = {"text"}  # what bus.run takes it for
    else:
        kinds = {KINDS.get(type(value).__name__, "")} if is_literal else {""}
    return Argument(frozenset() if "" in kinds else frozenset(kinds - {"nothing"}), default is None, value, about)


def _literal(node: ast.expr | None) -> tuple[object, bool]:
    try:
        return (None, False) if node is None else (ast.literal_eval(node), True)
    except (ValueError, TypeError):  # a constant's name, a call, {[]: 1}
        return None, False


def _names(annotation: ast.expr) -> Iterator[str]:
    """The types that an annotation joins: `str | None`, `Optional[str]`, `"str"` and the like."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _names(left)
            yield from _names(right)
        case ast.Subscript(value=outer, slice=inner) if ast.unparse(outer).endswith(("Optional", "Union")):
            for part in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
                yield from _names(part)
        case ast.Subscript(value=outer):
            yield from _names(outer)
        case ast.Constant(value=str(text)):
            yield from _names(ast.parse(text, mode="eval").body)
        case _:
            yield ast.unparse(annotation).rpartition(".")[2]
