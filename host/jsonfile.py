"""A file of the run folder that always holds one whole JSON document, whatever happens to who writes it."""

import json
import os
from collections.abc import Callable
from pathlib import Path


class JsonFile:
    """Replaced as a whole. What cannot be written now costs a line, and is tried again with the next one."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        self._fresh = path.with_name(f"{path.name}.new")
        self._fails = False

    def write(self, document: object) -> None:
        text = json.dumps(document, separators=(",", ":"))
        try:
            with open(self._fresh, "w", opener=_for_its_owner) as file:
                file.write(text)
            self._fresh.replace(self._path)
        except OSError as error:
            if not self._fails:
                self._say(f"{self._path} cannot be written: {error.strerror}; it will be as soon as that works")
            self._fails = True
        else:
            self._fails = False


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
