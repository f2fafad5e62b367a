"""Secrets in arguments: ${NAME} is expanded from the environment, and what leaves the process shows ${NAME} again."""

import os
import re
import sys
from typing import Any
from urllib.parse import quote

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_hidden: dict[str, str] = {}  # each form of a secret -> ${NAME}, the longest first


class Secret(str):
    """An argument with ${…} expanded; `shown` is how it was written."""

    __slots__ = ("shown",)
    shown: str


def shown(text: str) -> str:
    """`text` as it was written, before ${…} was expanded: for log lines, messages, marks and file names."""
    return text.shown if isinstance(text, Secret) else text


def expand(name: str, value: Any) -> Any:
    """The argument `name` with each ${NAME} in its texts expanded, which is hidden from now on.

    Raises ValueError naming a variable that is not set.
    """
    if isinstance(value, list):
        return [expand(name, one) for one in value]
    if isinstance(value, dict):
        return {key: expand(name, one) for key, one in value.items()}
    variables = VARIABLE.findall(value) if isinstance(value, str) else []
    if not variables:
        return value
    for variable in variables:
        if variable not in os.environ:
            raise ValueError(f"--{name} needs the environment variable {variable}, which is not set")
        _hide(os.environ[variable], f"${{{variable}}}")
    secret = Secret(VARIABLE.sub(lambda found: os.environ[found[1]], value))
    secret.shown = value
    return secret


def conceal(text: str) -> str:
    """`text` with every secret shown as it was written."""
    for secret, placeholder in _hidden.items():
        text = text.replace(secret, placeholder)
    return text


def _hide(secret: str, placeholder: str) -> None:
    if not _hidden:
        sys.stdout, sys.stderr = _Hiding(sys.stdout), _Hiding(sys.stderr)
    for form in (secret, repr(secret)[1:-1], quote(secret, safe="")):
        if form:
            _hidden[form] = placeholder
    longest_first = sorted(_hidden.items(), key=lambda pair: -len(pair[0]))
    _hidden.clear()
    _hidden.update(longest_first)


class _Hiding:
    """A text stream that conceals what is written to it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return int(self._stream.write(conceal(text)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
