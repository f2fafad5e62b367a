"""End marks: the durable fact that a replica has ended, `<run>/<replica>.done`."""

import hashlib
import json
import sys
from pathlib import Path

from bus.steps import step


class Marks:
    """The marks in a run folder, as one replica sees them; without a folder there are none."""

    def __init__(self, run: Path | None, replica: str) -> None:
        self.run = run
        self.own = run and run / f"{replica}.done"
        self._hash = hashlib.sha256("\0".join(sys.argv[1:]).encode(errors="surrogateescape")).hexdigest()

    def ended(self, replica: str) -> bool:
        return self.run is not None and (self.run / f"{replica}.done").exists()

    def mine(self) -> bool:
        """Whether an earlier life of this replica, with the same command line, has ended."""
        try:
            mark = json.loads(self.own.read_bytes()) if self.own else {}
        except FileNotFoundError:
            return False
        return bool(mark.get("hash") == self._hash)

    def leave(self) -> None:
        """Say that this replica has ended. Raises OSError; then nothing is said."""
        if self.own:
            fresh = self.own.with_suffix(".done.new")
            with step("write the end mark"):
                fresh.write_text(json.dumps({"hash": self._hash}) + "\n")
            with step("leave the end mark"):
                fresh.replace(self.own)
