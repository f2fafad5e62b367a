"""An observer of folders of results: each must come by a rename, whole, and it notes when."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pyinotify
from PIL import Image

from media.watched.events import HEAD
from tests.launch import files

# What would tell that a result has its name before it is whole.
UNFINISHED = pyinotify.IN_CREATE | pyinotify.IN_MODIFY
LOOK = 0.02  # seconds between two looks at whether a folder is another one by now


class Observer:
    """Use it in a `with`. Folders may be absent at first, be removed, mounted over and made again."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.faults: list[str] = []
        self._came: dict[Path, list[float]] = {folder: [] for folder in folders}  # when each result came
        self._seen: dict[Path, tuple[int, int]] = {}  # which folder is watched at this place
        self._watches: dict[int, Path] = {}
        self._manager = pyinotify.WatchManager()
        self._fd = self._manager.get_fd()
        os.set_blocking(self._fd, False)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._observe)

    def __enter__(self) -> "Observer":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._manager.close()

    def came_after(self, folder: Path, when: float) -> float:
        """When the first result came after `when`, by time.monotonic; 0 if none has."""
        return next((came for came in self._came[folder] if came > when), 0.0)

    def _observe(self) -> None:
        while not self._over.wait(LOOK):
            self._look()
            self._read()

    def _look(self) -> None:
        """Watch the folders that are new at their place."""
        for folder in self._came:
            with suppress(OSError):  # it is not there
                found = folder.stat()
                if self._seen.get(folder) != (found.st_dev, found.st_ino):
                    mask = UNFINISHED | pyinotify.IN_MOVED_TO
                    [watch] = self._manager.add_watch(str(folder), mask, quiet=False).values()
                    self._seen[folder], self._watches[watch] = (found.st_dev, found.st_ino), folder
                    for name in files(folder):
                        self._came_whole(folder, name)

    def _read(self) -> None:
        queued = b""
        with suppress(BlockingIOError):
            queued = os.read(self._fd, 1 << 20)
        at = 0
        while at < len(queued):
            watch, mask, _, length = HEAD.unpack_from(queued, at)
            name = os.fsdecode(queued[at + HEAD.size : at + HEAD.size + length].rstrip(b"\0"))
            at += HEAD.size + length
            if mask & pyinotify.IN_IGNORED:  # it was removed; the next one may have the same inode number
                self._seen.pop(self._watches.pop(watch), None)
            elif name.startswith(".") or mask & pyinotify.IN_ISDIR:
                continue
            elif mask & pyinotify.IN_MOVED_TO:
                self._came_whole(self._watches[watch], name)
            else:
                self.faults.append(f"{self._watches[watch] / name} is written under its final name")

    def _came_whole(self, folder: Path, name: str) -> None:
        self._came[folder].append(time.monotonic())
        if name.endswith(".txt"):
            return
        try:
            with Image.open(folder / name) as image:
                image.load()
        except FileNotFoundError:
            return  # the test has removed it with its folder, or its mount
        except (OSError, SyntaxError) as error:
            self.faults.append(f"{folder / name}: {error}")
