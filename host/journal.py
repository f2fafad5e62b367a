"""The launcher's lines in the run folder, for the page and for programs: one JSON object a line."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

FILE = "log.jsonl"
MOST = 1 << 20  # bytes; then the file becomes the older one


class Journal:
    """Two files at most: `log.jsonl`, and the older `log.1.jsonl`. What cannot be written is left out, and said."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path, self._older = folder / FILE, folder / "log.1.jsonl"
        self._say = say
        self._fails = False

    def note(self, text: str) -> None:
        """Add a line."""
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(file).st_size
                body = f"{text}\n".encode(errors="replace")
                if os.write(file, body) < len(body):
                    os.truncate(file, size)  # half a line is none
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if size + len(body) >= MOST:
                    self._path.replace(self._older)
            finally:
                os.close(file)
        except OSError as error:
            if not self._fails:
                self._fails = True
                self._say(f"{self._path} cannot be written: {error.strerror}; lines are missing there")
        else:
            self._fails = False


def record(at: float, who: str, text: str) -> str:
    """A line as one JSON object; `at` in seconds since the epoch."""
    return json.dumps({"at": round(at, 3), "who": who, "text": text})
