"""What a node is tried on: an image, each image below a folder, or the first frames of a clip."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.picture import SUFFIXES

FRAMES = 25  # of a clip: one second of most
PROJECT = Path(__file__).resolve().parent.parent
BAD_ARGUMENTS = 2  # exit code, as that of bus/program.py


class NoSample(Exception):
    """There is nothing to try a node on; the words say why, the code is the process's."""

    def __init__(self, words: str, code: int = BAD_ARGUMENTS) -> None:
        super().__init__(words)
        self.code = code


@contextmanager
def samples(place: Path) -> Iterator[list[Path]]:
    """The images that `place` stands for; those of a clip go with the block. Raises NoSample."""
    if place.is_dir():
        found = [file for file in sorted(place.rglob("*")) if file.suffix.lower() in SUFFIXES and file.is_file()]
        images = [file for file in found if not any(part[0] == "." for part in file.relative_to(place).parts)]
        if not images:
            raise NoSample(f"there is no image in {place.absolute()}: images are {', '.join(SUFFIXES)}")
        yield images
    elif not place.is_file():
        raise NoSample(f"{place.absolute()} is not a file")
    elif place.suffix.lower() in SUFFIXES:
        yield [place]
    else:
        with tempfile.TemporaryDirectory(prefix="try-") as folder:
            yield _split(place, Path(folder))


def _split(clip: Path, folder: Path) -> list[Path]:
    """Its first frames, by the program that splits clips in a graph."""
    words = [f"--source={clip.absolute()}", f"--folder={folder}", f"--limit={FRAMES}"]
    paths = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "nodes.splitter", *words],
        cwd=folder,  # where nothing can hide what it imports
        env={**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoSample((done.stdout + done.stderr).strip() or f"{clip} cannot be split", done.returncode)
    return sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
