"""What a replica leaves in the run folder between two lives, where graph.yaml has changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bus import books
from host.runfolder import SINCE


def rearrange_books(file: Path, before: Sequence[str], after: Sequence[str]) -> None:
    """Give the books of a replica that pushed the wires `before` pages for `after`: what it has counted stays.

    Raises OSError.
    """
    if before == after:
        return
    with suppress(FileNotFoundError, ValueError):  # it has no books yet, or keeps none of its wires
        file.write_bytes(books.rearranged(file.read_bytes(), before, after))


def clear_hand(file: Path) -> None:
    """It was asked to leave: whatever it held is not to blame for that. Raises OSError.

    Made where it is not: of a replica on a pool it may be on the machine alone, and what is here counts there.
    """
    with open(file, "r+b" if file.exists() else "wb") as hand:
        hand.write(bytes(SINCE.size))


def forget(run: Path, replica: str) -> None:
    """Remove all that it has left: another one of that name has nothing to do with it. Raises OSError."""
    for pattern in (f"{replica}.*", f"*.heard.{replica}", f"*-{replica}.[ds]", f"*-{replica}-*.[ds]"):
        for file in run.glob(pattern):
            if ".trace" not in file.name:  # which is read a little later, and says whose it is
                file.unlink(missing_ok=True)


def revive(run: Path, replica: str) -> None:
    """Remove its end mark: it has not ended after all. Raises OSError."""
    (run / f"{replica}.done").unlink(missing_ok=True)
