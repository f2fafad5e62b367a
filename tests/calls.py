"""What strace saw: how results were written, and when their sources were let go."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SYNCED = re.compile(r"fsync\(\d+<([^>]*)>\)")
PLACED = re.compile(r'renameat\(\d+<[^>]*>, "([0-9a-f]{16})", \d+<([^>]*)>, "([^"]*)"\)')
LET_GO = re.compile(r'renameat2\(\d+<[^>]*/\.taken>, "([^"]*)", \d+<[^>]*/\.done>')


@dataclass
class Writer:
    """One thread that writes results, as far as its calls tell."""

    written: list[str] = field(default_factory=list)  # temporary names of the group
    placed: list[str] = field(default_factory=list)  # final paths of the group, whose folders are not synced
    tainted: set[str] = field(default_factory=set)  # temporary names of groups in which something failed
    settled: dict[str, float] = field(default_factory=dict)  # final path -> when it was on the disk for sure


class Calls:
    """The traces (`strace -ff -ttt -y -o trace`) of a run, one file for each thread."""

    def __init__(self, folder: Path) -> None:
        self.failed = 0
        self._let_go: dict[str, float] = {}
        self._writers = [self._writer(trace) for trace in folder.glob("trace.*")]

    def assert_written_anew(self) -> None:
        """Sources are let go when their results were on the disk, those of a failed group by a second writing."""
        settled: dict[str, list[float]] = {}
        for writer in self._writers:
            assert not writer.placed
            for path, when in writer.settled.items():
                settled.setdefault(Path(path).name, []).append(when)
        assert self._let_go
        for name, when in self._let_go.items():
            assert len(settled[name]) == 2  # converted, saved
            assert when > max(settled[name]), name

    def _writer(self, trace: Path) -> Writer:
        writer = Writer()
        for when, call, is_done in _lines(trace):
            if found := LET_GO.match(call):
                self._let_go[found[1]] = when
            elif found := PLACED.match(call):
                temporary, folder, name = found.groups()
                assert temporary not in writer.tainted, f"{name} was placed although its group had failed"
                writer.placed.append(f"{folder}/{name}")
            elif found := SYNCED.match(call):
                if "/.partial/" in found[1]:
                    writer.written.append(found[1].rpartition("/")[2])
                elif is_done:
                    writer.settled.update(dict.fromkeys(writer.placed, when))
                    writer.written, writer.placed = [], []
            if not is_done and not LET_GO.match(call):
                self.failed += 1
                writer.tainted.update(writer.written)
                writer.written, writer.placed = [], []
        return writer


def _lines(trace: Path) -> Iterator[tuple[float, str, bool]]:
    """When, which call, and whether it was done."""
    for line in trace.read_text().splitlines():
        when, _, call = line.partition(" ")
        yield float(when), call, " = -1 " not in call
