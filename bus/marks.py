"""End marks: the durable fact that a replica has ended, `<run>/<replica>.done`."""

import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bus.steps import step


class Marks:
    """The marks in a run folder, as one replica sees them; without a folder there are none."""

    def __init__(self, run: Path | None, replica: str) -> None:
        self.run, self._replica = run, replica
        self.own = run and run / f"{replica}.done"
        self._hash = hashlib.sha256("\0".join(sys.argv[1:]).encode(errors="surrogateescape")).hexdigest()

    def ended(self, replica: str) -> bool:
        """Whether `replica` has ended: one on this host says it for all, one on another to each puller by itself."""
        return self.run is not None and ((self.run / f"{replica}.done").exists() or self._far(replica).exists())

    def all_ended(self, replicas: Sequence[str]) -> bool:
        """Whether all of them have ended at one moment: one may begin again while the others are looked at."""
        return all(self.ended(replica) for _ in range(2) for replica in replicas)

    def keep(self, replica: str, epoch: str) -> None:
        """Note that a replica on another host has said in `epoch` that it has ended. Raises OSError."""
        if self.run is not None:
            _write(self._far(replica), {"epoch": epoch})

    def revoke(self, replica: str, epoch: str) -> None:
        """It has begun again, in `epoch`: what `keep` has left of another one goes."""
        if self.run is not None and self._far(replica).exists():  # which takes no descriptor; there may be none left
            with suppress(FileNotFoundError):
                if json.loads(self._far(replica).read_bytes())["epoch"] != epoch:
                    self._far(replica).unlink()

    def _far(self, replica: str) -> Path:
        return (self.run or Path()) / f"{self._replica}.heard.{replica}"

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
            _write(self.own, {"hash": self._hash})


def _write(mark: Path, content: dict[str, str]) -> None:
    fresh = mark.with_name(f"{mark.name}.new")
    with step("write the end mark"):
        fresh.write_text(json.dumps(content) + "\n")
    with step("leave the end mark"):
        fresh.replace(mark)
