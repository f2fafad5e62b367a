"""The dead letters of a campaign, in which no frame is poison: only one that was in hand at three deaths may be one."""

import re
from pathlib import Path

from bus.guilt import TRIES

STRUCK = r": was killed by SIG(?:KILL|TERM)|: died|^killed \S+"  # how a node ends that the campaign strikes
INNOCENT = re.compile(rf"(?:{STRUCK}) \({TRIES} times\)$")
NOTE = ".txt"
NO_NOTE = "no note says why"


def letters(*folders: Path) -> dict[str, str]:
    """The reason of each dead letter in these folders and below, by its path; NO_NOTE where there is none."""
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): _reason(path) for path in sorted(found) if path.suffix != NOTE and path.name[0] != "."}


def unexplained(reasons: dict[str, str], faults: int) -> dict[str, str]:
    """Those of these dead letters that so many faults do not explain.

    The first death may be that of several frames; after it each travels alone, and has its second and third to itself.
    """
    others = {letter: reason for letter, reason in reasons.items() if not is_innocent(reason)}
    return others if 2 * (len(reasons) - len(others)) < faults else reasons


def is_innocent(reason: str) -> bool:
    """Whether a dead letter with this reason may be due to the faults of a campaign."""
    return bool(INNOCENT.search(reason.partition("\n")[0]))  # behind it is the own name of one that was numbered


def _reason(letter: Path) -> str:
    note = letter.with_name(letter.name + NOTE)
    return note.read_text(errors="replace").strip() if note.is_file() else NO_NOTE
