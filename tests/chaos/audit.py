"""What must hold, whatever was done to the graph: every frame is somewhere, once, and each result is right."""

import os
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from media.watched.events import Events, What
from tests.chaos import pictures
from tests.chaos.scene import CLIP, Scene

TICK = 0.1  # seconds without an event after which the observer looks whether it is to go


class Standing(NamedTuple):
    """How many frames are where. `lost`, `corrupt` and `twice` must be 0 at any time."""

    expected: int
    found: int
    waiting: int  # as files, for the watcher or in its hands
    unmade: int  # their source has not come to them
    dead: int
    lost: int
    corrupt: int
    twice: int

    @property
    def holds(self) -> bool:
        return not (self.lost or self.corrupt or self.twice)

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.expected} found, {self.waiting} waiting, {self.unmade} to come, "
            f"{self.dead} dead letters; {self.lost} lost, {self.corrupt} corrupt, {self.twice} twice"
        )


class Audit:
    """Looks at every result the moment that it appears under its final name. Use it in a `with`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.times: list[float] = []  # when results appeared, by time.monotonic
        self.right: set[str] = set()
        self.wrong: dict[str, str] = {}  # name -> what is wrong with it
        self.inodes: dict[str, set[int]] = defaultdict(set)  # of each result: a second one is the result written anew
        self._over = threading.Event()
        self._observer = threading.Thread(target=self._observe, name="observer")

    def __enter__(self) -> "Audit":
        self._folder = os.open(self._scene.results, os.O_RDONLY | os.O_DIRECTORY)
        self._events = Events()
        self._events.watch(self._folder, "")
        self._observer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._observer.join()
        self._events.close()
        os.close(self._folder)

    def since(self, moment: float) -> list[float]:
        """When results appeared, from `moment` on."""
        return [at for at in self.times[-4096:] if at >= moment]

    def stand(self) -> Standing:
        """Where all frames are. Asked in the order of their way, so that one which moves on is not missed."""
        frames = self._scene.expected.keys()
        unmade = self._scene.unmade()
        waiting = self._in_spools("") | self._in_spools(".taken")
        dead = self._in_spools("dead-letters")
        saved = _names(self._scene.results)
        return Standing(
            expected=len(frames),
            found=len(frames & saved),
            waiting=len(waiting - saved),
            unmade=len(unmade - waiting - saved),
            dead=len(dead - saved),
            lost=len(frames - unmade - waiting - dead - saved),
            corrupt=len(self.wrong),
            twice=len(saved - frames),
        )

    def _in_spools(self, place: str) -> set[str]:
        """The frames of which the source lies there, under the names of their results."""
        names = {name for spool in self._scene.spools for name in _names(spool / place)}
        return {f"{name}.png" for name in names} & self._scene.expected.keys()

    def finish(self) -> Standing:
        """The last word, for which every result, and every preview, is read once more from the disk."""
        for name in _names(self._scene.results):
            self._check(name)
        for name in _names(self._scene.previews):
            shown = _shown(self._scene.previews / name)
            if shown is None or name != f"clip-{shown[1]:08d}.jpg" or shown[0] != CLIP:
                self.wrong[f"previews/{name}"] = f"shows {shown}"
        return self.stand()

    @property
    def previews(self) -> int:
        return len(_names(self._scene.previews))

    def _observe(self) -> None:
        while not self._over.is_set():
            self._events.wait(TICK)
            for event in self._events.read():
                if event.what is What.WRITTEN and not event.name.startswith("."):
                    self.times.append(time.monotonic())
                    self._check(event.name)

    def _check(self, name: str) -> None:
        self.inodes[name].add((self._scene.results / name).stat().st_ino)
        shown = _shown(self._scene.results / name, converted=True)
        if shown is not None and shown == self._scene.expected.get(name, shown):
            self.right.add(name)
        else:
            self.wrong[name] = f"shows {shown}"


def _names(folder: Path) -> set[str]:
    """The names in `folder` that are not hidden; none if it is not there."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".")}
    except FileNotFoundError:
        return set()


def _shown(file: Path, converted: bool = False) -> tuple[int, int] | None:
    """The stream and the number that the image in `file` shows; None if it is not whole."""
    try:
        with Image.open(file) as image:
            return pictures.read(pictures.converted(image.convert("RGB")) if converted else image)
    except (OSError, SyntaxError):  # what Pillow raises for a file that is no image, or is cut off
        return None
