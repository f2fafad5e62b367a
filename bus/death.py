"""How the last life of a replica died: what its user code held, and what the launcher saw."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bus.hand import Held


class Death(NamedTuple):
    hand: list[Held]  # what is to be blamed; empty: nothing is
    words: str  # node, host and how, as they shall stand in a dead letter


def last(hand: list[Held], run: Path | None, replica: str, title: str) -> Death:
    """What the last life of `replica` held, and how it died; the node is called `title`.

    How is what the launcher wrote into `<run>/<replica>.death`, such as "was killed by SIGSEGV".
    """
    try:
        how = (run / f"{replica}.death").read_text(errors="replace").strip() if run else "died"
    except FileNotFoundError:
        how = "died"  # without the launcher
    return Death(hand, f"{title}: {how}")
