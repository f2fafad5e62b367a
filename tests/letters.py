"""A graph whose watched folder has dead letters, put there as a watcher does it."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from host.letters import Letter, Letters, note_of
from launcher import main
from media.storage.archive import Archive
from media.storage.below import Folder
from tests.graphs import SHOW, loaded

WATCHER = "watcher: {run: nodes.watcher, push: frames, args: {folder: spool}}"
REASON = "show on robot: too dark"


class Aside:
    """In `folder`: graph.yaml, and the watched folder `spool`."""

    def __init__(self, folder: Path, *nodes: str) -> None:
        self.folder = folder
        self.graph = loaded(folder, WATCHER, *(nodes or (SHOW,)))
        self.spool = folder / "spool"
        self.dead = self.spool / "dead-letters"
        (self.spool / ".taken").mkdir(parents=True)
        self._root = Folder(self.spool)
        self._archive = Archive(self._root.fd, "dead-letters")
        self._count = 0  # of notes

    def put(self, name: str, content: str = "image", reason: str = REASON) -> str:
        """Set a claimed file aside, a second after the last one; the path that it has now."""
        file = self.spool / ".taken" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return self.again(name, reason)

    def again(self, name: str, reason: str = REASON) -> str:
        """Set aside what is claimed already."""
        taken = os.open(self.spool / ".taken", os.O_RDONLY)
        try:
            place = self._archive.put(taken, name, reason)
        finally:
            os.close(taken)
        if reason:
            self._count += 1
            note = (self.dead / place).with_name(note_of(Path(place).name))
            os.utime(note, (self._count, self._count))  # the clock of a disk may stand still for some milliseconds
        return place

    @property
    def letters(self) -> list[Letter]:
        return Letters(self.graph).found

    def files(self) -> dict[str, str]:
        """What lies in the watched folder, hidden or not, by path; of notes the words."""
        found = [path for path in self.spool.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.spool)): path.read_text() for path in found}


class Said(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def launcher(folder: Path, *words: str) -> Said:
    """What the launcher says to `graph.yaml` in `folder` and `words` behind it; it runs in here."""
    out, errors = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(errors):
        code = main(["graph.yaml", *words])
    return Said(code, out.getvalue(), errors.getvalue())


@contextmanager
def chdir(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
