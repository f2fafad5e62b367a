"""The launcher's lines in the run folder, for the page and for programs: one JSON object a line."""

import json
from collections.abc import Callable
from pathlib import Path

from host.appending import append

FILE, OLDER = "log.jsonl", "log.1.jsonl"
MOST = 1 << 20  # bytes; then the file becomes the older one


class Journal:
    """Two files at most. What cannot be written is left out, and said."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path, self._older = folder / FILE, folder / OLDER
        self._say = say
        self._fails = False

    def note(self, text: str) -> None:
        """Add a line."""
        try:
            if append(self._path, f"{text}\n") >= MOST:
                self._path.replace(self._older)
        except OSError as error:
            if not self._fails:
                self._fails = True
                self._say(f"{self._path} cannot be written: {error.strerror}; lines are missing there")
        else:
            self._fails = False


def record(at: float, who: str, text: str) -> str:
    """A line as one JSON object; `at` in seconds since the epoch."""
    return json.dumps({"at": round(at, 3), "who": who, "text": text})
