"""The last lines of the log: of each node, and of all together."""

import json
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from host.page.regular import opened

KEPT = 100  # lines of each
MOST = 2 * 1024 * 1024  # bytes of the file that are read at once
LONGEST = 4200  # characters of a line: host/log.py cuts them before
ALL = ""  # in place of a node: everybody, the launcher too


class Line(NamedTuple):
    number: int  # in the order in which they were read, from 1 on
    at: float  # seconds since the epoch
    who: str
    text: str


class Lines:
    """Follows `<run>/log.jsonl`, which is renamed to log.1.jsonl when it is full."""

    def __init__(self, run: Path, nodes: Iterable[str]) -> None:
        self._path, self._older = run / "log.jsonl", run / "log.1.jsonl"
        self._kept: dict[str, deque[Line]] = {node: deque(maxlen=KEPT) for node in (ALL, *nodes)}
        self._file: BinaryIO | None = None
        self._rest = b""  # of a line that has no end yet
        self._count = 0
        self._is_first = True

    def learn(self, nodes: Iterable[str]) -> None:
        """From now on these are the nodes; what others have said is kept with all."""
        kept = {node: self._kept.get(node, deque(maxlen=KEPT)) for node in (ALL, *nodes)}
        self._kept = kept  # in one step: `since` is called in another thread

    def read(self) -> None:
        """Take in what was written since the last time."""
        if self._is_first:
            self._is_first = False
            self._take_from(self._older)
        if self._file and self._is_renamed():
            self._take(self._file)
            self._file.close()
            self._file = None
        try:
            self._file = self._file or opened(self._path)
        except OSError:  # there is none yet
            return
        self._take(self._file)

    def since(self, node: str, number: int) -> list[Line]:
        """The lines of `node`, or of ALL, behind the one with this `number`."""
        kept = self._kept[node].copy() if node in self._kept else ()  # in one step: `read` goes on in another thread
        return [line for line in kept if line.number > number]

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _is_renamed(self) -> bool:
        assert self._file
        try:
            return not self._path.samefile(f"/proc/self/fd/{self._file.fileno()}")
        except FileNotFoundError:
            return True

    def _take_from(self, path: Path) -> None:
        try:
            with opened(path) as file:
                self._take(file)
        except OSError:  # there is none
            return

    def _take(self, file: BinaryIO) -> None:
        here, end = file.tell(), file.seek(0, os.SEEK_END)
        if end - here > MOST:
            here, self._rest = end - MOST, b""
        file.seek(here)
        *lines, self._rest = (self._rest + file.read(MOST)).split(b"\n")
        for line in lines:
            self._keep(line)

    def _keep(self, line: bytes) -> None:
        try:
            fields = json.loads(line)
            at, who, text = float(fields["at"]), str(fields["who"]), str(fields["text"])
        except (ValueError, TypeError, KeyError):  # half a line: the disk was full, or the launcher killed
            return
        self._count += 1
        kept = Line(self._count, at, who[:LONGEST], text[:LONGEST])
        self._kept[ALL].append(kept)
        node = who if who in self._kept else who.rpartition(".")[0]
        if node and node in self._kept:
            self._kept[node].append(kept)
