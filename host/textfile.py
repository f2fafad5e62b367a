"""A file that a user wrote -> its text, if it is a text of sensible size."""

from __future__ import annotations

import codecs
from pathlib import Path

from host.problems import WHOLE_FILE, Problems

MAX_SIZE = 1024 * 1024  # bytes; a graph of 1,000 nodes has a tenth of it


def read(path: Path, problems: Problems) -> str:
    """The text of the file `path`, in UTF-8. Raises GraphError."""
    absolute = path.absolute()
    try:
        if absolute.is_dir():
            problems.mistake(WHOLE_FILE, f"{absolute} is a folder. Name the file in it, e.g. {path / 'graph.yaml'}")
        elif absolute.exists() and not absolute.is_file():
            problems.mistake(WHOLE_FILE, f"{absolute} is not a regular file. Copy it to one.")
        else:
            with open(absolute, "rb") as file:
                return _decoded(file.read(MAX_SIZE + 1), problems)
    except FileNotFoundError:
        problems.mistake(WHOLE_FILE, f"there is no file {absolute}. Write its path, or start in its folder.")
    except (OSError, ValueError) as error:  # ValueError: NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        problems.mistake(WHOLE_FILE, f"{absolute} cannot be read ({reason}). Check its path and permissions.")
    raise problems.error()


def _decoded(content: bytes, problems: Problems) -> str:
    if len(content) > MAX_SIZE:
        problems.mistake(WHOLE_FILE, "the file is over 1 MiB, and no graph is. Check that it is the right file.")
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problems.mistake(WHOLE_FILE, "the file is UTF-16. Save it as UTF-8.")
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            problems.mistake(line, f"the byte 0x{content[error.start]:02X} is not UTF-8. Save the file as UTF-8.")
    raise problems.error()
