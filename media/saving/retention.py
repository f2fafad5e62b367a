"""Keeping a folder of results to a limit: `20GB` in all, `7d` old, or `1000` of them. The oldest go first.

A result is a regular file that carries the mark of media/saving/atomic.py. Nothing else is ever counted or deleted: no
file that a user put there, no copy that lost the mark, nothing hidden, nothing behind a symbolic link. How old a result
is, its modification time says. Folders that this empties go too.
"""

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from media.said import Said
from media.saving.atomic import MARK, NO_ATTRIBUTES

SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}  # unit -> bytes
AGES = {"m": 60, "h": 3600, "d": 86400}  # unit -> seconds

SLICE = 0.02  # seconds that a search may take of each group, so that a folder of a million results holds no frame up
PRECISION = 100  # the folder is searched whenever a hundredth of the limit is new


class Result(NamedTuple):
    """What a search found; the oldest sorts first."""

    written: int  # ns since the epoch
    path: str
    size: int  # bytes


class Retention:
    """Deletes the oldest results below a folder as new ones come. Several processes may do so at once."""

    def __init__(self, folder: Path, limit: str) -> None:
        """Raises ValueError, a sentence for the user, for what is no limit and for a folder that cannot carry marks."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]B|[mhd])?", limit)
        if found is None or float(found[1]) == 0:
            raise ValueError(f'retain is "{limit}": write a size like 20GB, an age like 7d, or how many, like 1000')
        if not _can_mark(folder):
            raise ValueError(f"retain needs extended attributes, which the file system of {folder} does not have")
        self._folder, self._unit = folder, found[2]
        self._limit = float(found[1]) * (SIZES | AGES).get(self._unit, 1)  # bytes, seconds or results
        self._new = math.inf  # likewise, since the last search began
        self._seen = time.monotonic()
        self._search: Iterator[None] | None = None
        self._said = Said()

    def keep_up(self, count: int, size: int) -> None:
        """Take note of `count` new results of `size` bytes in all, and delete what is now beyond the limit."""
        now = time.monotonic()
        self._new += size if self._unit in SIZES else now - self._seen if self._unit in AGES else count
        self._seen = now
        if self._search is None and self._new >= self._limit / PRECISION:
            self._new, self._search = 0, self._search_and_delete()
        try:
            for _ in self._search or ():
                if time.monotonic() - now > SLICE:
                    return
        except OSError as error:
            self._said.once("limit", str(error.errno), f"cannot keep {self._folder} to its limit: {error}")
        self._search = None

    def _search_and_delete(self) -> Iterator[None]:
        """One search, in steps."""
        horizon = time.time_ns() - self._limit * 1e9
        found = []
        for result in _looked_at(self._folder):
            if result and self._unit not in AGES:
                found.append(result)
            elif result and result.written < horizon:
                self._delete(result)
            yield
        excess = sum(map(self._weight, found)) - self._limit
        for result in sorted(found):
            if excess <= 0:
                return
            excess -= self._weight(result)
            self._delete(result)
            yield

    def _weight(self, result: Result) -> int:
        """What it adds to what the limit counts: bytes, or results."""
        return result.size if self._unit in SIZES else 1

    def _delete(self, result: Result) -> None:
        path = Path(result.path)
        try:
            if path.lstat().st_mtime_ns != result.written:
                return  # written anew, so no longer among the oldest
            path.unlink()
        except FileNotFoundError:  # another process was faster, and sees to the folder
            return
        folder = path.parent
        with contextlib.suppress(OSError):  # not empty
            while folder != self._folder:
                folder.rmdir()
                folder = folder.parent


def _looked_at(folder: Path | str) -> Iterator[Result | None]:
    """Whatever lies in `folder` and below, one thing after the other; None for what is no result."""
    with os.scandir(folder) as entries:
        for entry in entries:
            result = None
            with contextlib.suppress(FileNotFoundError, PermissionError):  # deleted meanwhile, or not ours
                if entry.name.startswith("."):
                    pass
                elif entry.is_dir(follow_symlinks=False):
                    yield from _looked_at(entry.path)
                elif entry.is_file(follow_symlinks=False) and _marked(entry.path):
                    seen = entry.stat(follow_symlinks=False)
                    result = Result(seen.st_mtime_ns, entry.path, seen.st_size)
            yield result


def _marked(path: str) -> bool:
    return MARK in os.listxattr(path, follow_symlinks=False)


def _can_mark(folder: Path) -> bool:
    try:
        os.setxattr(folder, MARK, b"")
    except OSError as error:
        return error.errno not in NO_ATTRIBUTES
    return True
