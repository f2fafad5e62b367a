"""The ways in which an editor, or git, saves a file."""

import random
import time
from collections.abc import Callable
from pathlib import Path

HALF = 0.1  # seconds between the two halves of a save


def at_once(file: Path, text: str) -> None:
    file.write_text(text)


def by_renaming(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.swp")
    fresh.write_text(text)
    fresh.replace(file)


def in_halves(file: Path, text: str) -> None:
    with open(file, "w") as half:
        half.write(text[: len(text) // 2])
        half.flush()
        time.sleep(HALF)  # an editor takes its time
        half.write(text[len(text) // 2 :])


def as_git_does(file: Path, text: str) -> None:
    """It removes the file, and makes another one."""
    file.unlink()
    time.sleep(HALF / 2)
    file.write_text(text)


SAVES: list[Callable[[Path, str], None]] = [at_once, by_renaming, in_halves, as_git_does]


def save(file: Path, text: str, rng: random.Random) -> str:
    """Save `text` in one of these ways, and say in which."""
    way = rng.choice(SAVES)
    way(file, text)
    return way.__name__.replace("_", " ")
