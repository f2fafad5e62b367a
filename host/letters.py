"""Dead letters: what the nodes of a graph have set aside on this machine, where, when and why."""

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from host.reading.problems import COMMAND_LINE, Problems, quoted
from host.reading.program import NODES
from host.reading.shape import Graph, Node

DEAD_LETTERS = "dead-letters"  # in a watched folder, beside graph.yaml: media/storage/archive.py, bus/deadletters.py
LONGEST = 255  # bytes in a file name
NOTE = ".txt"  # what the name of a note ends with, behind the whole name of its file
OWN_NAME = "its own name: "  # begins the last line of a note; then the path that its file had, as JSON
MOST_READ = 64 * 1024  # bytes of a note
NO_REASON = "no reason is noted"
RETURNING = ".retry-"  # what the name of a note begins with while its file goes back
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")  # which a node expands, see bus/hiding.py


class Place(NamedTuple):
    """A folder of dead letters. It need not be there."""

    owner: str  # the node that set them aside
    folder: Path  # absolute
    home: Path | None  # the watched folder that they go back to; None: they are payloads, which came from no folder


class Letter(NamedTuple):
    """A dead letter."""

    place: Place
    name: str  # its path in the place's folder, in os.fsdecode's form
    own: str  # the path that it had, and goes back to: another one where it was numbered
    size: int  # bytes
    when: float  # it was set aside, seconds since the epoch
    reason: str
    note: str  # the name of the file beside it that says so; empty: there is none

    @property
    def path(self) -> Path:
        return self.place.folder / self.name

    @property
    def shown(self) -> str:
        """Its name in printable characters, each name in other ones."""
        return printable(self.name)


class Letters:
    """All that lie there now."""

    def __init__(self, graph: Graph) -> None:
        self.found: list[Letter] = []  # by place, then in the order in which they were set aside
        self.troubles: list[str] = []  # what could not be looked into, and why
        self.missing: list[str] = []  # which folders are not there
        self.left: list[Path] = []  # notes of what went back, which a kill has left
        for place in self._places(graph):
            self.found += sorted(self._in(place), key=lambda letter: (letter.when, letter.name))

    def named(self, words: Sequence[str], problems: Problems) -> list[Letter]:
        """Those that the words name, as they are shown or as they are, as paths or as globs, each once.

        Raises GraphError with every word that names none.
        """
        chosen: dict[Letter, None] = {}
        for word in words:
            path = str(Path(word).absolute())
            found = (
                [letter for letter in self.found if letter.shown == word]
                or [letter for letter in self.found if letter.name == word or str(letter.path) == path]
                or [letter for letter in self.found if fnmatchcase(letter.name, word)]
            )
            if not found:
                cure = problems.did_you_mean(word, [letter.shown for letter in self.found])
                problems.mistake(COMMAND_LINE, f"there is no dead letter {quoted(word)}. {cure}")
            chosen |= dict.fromkeys(found)
        problems.stop()
        return list(chosen)

    def _places(self, graph: Graph) -> Iterator[Place]:
        """Those of each watcher, then those of the nodes that make their messages themselves."""
        seen = set()
        for node in graph.nodes.values():
            home = self._watched(graph, node)
            if home and os.path.realpath(home) not in seen:
                seen.add(os.path.realpath(home))
                yield Place(node.name, home / DEAD_LETTERS, home)
        if os.path.realpath(graph.folder) not in seen:  # else all that lies beside graph.yaml goes back there
            for name in graph.nodes:
                yield Place(name, graph.folder / DEAD_LETTERS / name, None)

    def _watched(self, graph: Graph, node: Node) -> Path | None:
        """The folder that the node watches, if that is what it does and it is here."""
        if node.source != NODES / "watcher.py" or not node.folder:
            return None
        environment = {**os.environ, **node.env}
        missing = [name for name in VARIABLE.findall(node.folder) if name not in environment]
        if missing:
            self.troubles.append(f"{node.folder}, which {node.name} watches: the variable {missing[0]} is not set")
            return None
        folder = graph.folder / VARIABLE.sub(lambda found: environment[found[1]], node.folder)
        try:
            folder.stat()
        except (FileNotFoundError, ValueError):  # or there can be none of that name
            host = f" on {node.host}" if node.host else ""
            self.missing.append(f"{folder}, which {node.name} watches{host}, is not there")
            return None
        except OSError:
            pass  # it is said with what is in it
        return folder

    def _in(self, place: Place) -> Iterator[Letter]:
        for folder, below, files in os.walk(place.folder, onerror=self._closed):
            below[:] = [name for name in below if not name.startswith(".")]
            notes = _notes(set(files))
            others = {*files} - {*notes} - {*notes.values()}
            self.left += [Path(folder, name) for name in others if name.startswith(RETURNING)]
            for name, note in notes.items():
                path = Path(folder, name)
                with suppress(FileNotFoundError):  # it has just gone back
                    if stat.S_ISREG((its := path.lstat()).st_mode):
                        yield _letter(place, path, note, its)

    def _closed(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # most have no dead letters
            self.troubles.append(f"{error.filename} cannot be looked into: {error.strerror}")


def printable(name: str) -> str:
    """A file's name in printable characters, each name in other ones."""
    return "".join(mark if mark.isprintable() and mark != "\\" else repr(mark)[1:-1] for mark in name)


def note_of(name: str) -> str:
    """How the note of the file `name` is called."""
    return os.fsdecode(os.fsencode(name)[: LONGEST - len(NOTE)]) + NOTE


def returning(name: str) -> str:
    """How it is called while the file goes back."""
    return RETURNING + os.fsdecode(os.fsencode(name)[: LONGEST - len(RETURNING) - len(NOTE)]) + NOTE


def _notes(names: set[str]) -> dict[str, str]:
    """Those of the files of one folder that are letters, each with the name of its note.

    A file with a note is a letter whatever it is called; of the others, what is called like a note is one, and be it
    of a letter that is here no longer. No letter is hidden.
    """
    beside = {name: ({note_of(name), returning(name)} & names) - {name} for name in names}
    notes = {name for name in names if name.endswith(NOTE) and not beside[name]}
    letters = [name for name in names - notes if not name.startswith(".")]
    return {name: max(beside[name] & notes, default="") for name in letters}


def _letter(place: Place, path: Path, note: str, its: os.stat_result) -> Letter:
    name, when, words = str(path.relative_to(place.folder)), its.st_ctime, ""  # when it was moved here
    if note:
        try:
            when, words = _read(path.with_name(note))
        except OSError as error:
            words = f"its note cannot be read: {error.strerror}"
    reason, own = _parted(words, name)
    return Letter(place, name, own, its.st_size, when, reason or NO_REASON, note)


def _read(note: Path) -> tuple[float, str]:
    """When the note was written, and its words. Raises OSError."""
    with open(os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return os.fstat(file.fileno()).st_mtime, file.read(MOST_READ).decode(errors="backslashreplace")


def _parted(words: str, name: str) -> tuple[str, str]:
    """The reason in a note, and the path that its file had before it came to `name`."""
    *reason, last = words.rstrip("\n").split("\n")
    if last.startswith(OWN_NAME):
        with suppress(ValueError):
            own = json.loads(last.removeprefix(OWN_NAME))
            if isinstance(own, str) and _is_numbered(name, own):
                return "\n".join(reason), own
    return words.rstrip("\n"), name


def _is_numbered(name: str, own: str) -> bool:
    """Whether `name` is `own` with numbers in it: words, which may be anything, must not lead elsewhere."""
    parts, owns = name.split("/"), own.split("/")
    return len(parts) == len(owns) and all(map(_is_numbered_part, parts, owns))


def _is_numbered_part(part: str, own: str) -> bool:
    path = Path(own)
    stem, _, number = part.removesuffix(path.suffix).rpartition(".")
    is_cut = len(os.fsencode(part)) == LONGEST - len(NOTE) and os.fsencode(path.stem).startswith(os.fsencode(stem))
    return own == part or (number.isdecimal() and not own.startswith(".") and (stem == path.stem or is_cut))
