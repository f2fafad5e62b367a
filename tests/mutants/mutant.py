"""A mutant: one mechanism of the project, broken."""

from pathlib import Path
from typing import NamedTuple

from tests.launch import ROOT


class DoesNotFit(Exception):
    """Raised with what the code has instead of the place to break."""


class Mutant(NamedTuple):
    broken: str  # in words
    file: str
    sound: str  # what stands there, exactly once …
    mutant: str  # … and what stands there instead
    tests: tuple[str, ...]  # that are to catch it, as pytest names them

    def put_into(self, project: Path = ROOT) -> str:
        """The text of the file in `project`, broken. Raises DoesNotFit."""
        file = project / self.file
        if not file.is_file():
            raise DoesNotFit(f"there is no {self.file}")
        text = file.read_text()
        if (count := text.count(self.sound)) != 1:
            raise DoesNotFit(f"{self.file} has this {count} times: {self.sound.strip()}")
        return text.replace(self.sound, self.mutant)
