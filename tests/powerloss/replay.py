"""The calls of a run, done once more: what had which name when, what was in it, and since when it is on the disk.

The fsync of a folder brings the names that it has got or lost to the disk, with all that these need, and nothing else:
not the folder's own name, nor a rename that leads out of it. That of a file brings its content, and not its name.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.powerloss.trace import Call

NEVER = 2**62
IGNORED = ("sendto", "sendmsg")
ONE_NAME = ("unlink", "rmdir")

Name = tuple[int, str]  # the folder's number, and the name in it
Files = dict[str, bytes]  # relative path -> content


@dataclass
class Operation:
    """A change of names."""

    call: Call
    changes: dict[Name, int | None]  # name -> the number of what has it then
    needs: "list[Operation]"  # earlier ones without which it cannot be on the disk
    about: int  # the number of the file or folder
    synced: int = NEVER  # the line from which on it is on the disk

    def leads_to(self, folder: int) -> bool:
        """Whether it gave a name to the folder, or took one from the world."""
        given = [place for (place, _), number in self.changes.items() if number is not None]
        return folder in (given or [place for place, _ in self.changes])


@dataclass
class Node:
    """A file or folder; its number is its place in the list of all."""

    folder: bool
    writes: list[tuple[int, int, bytes]] = field(default_factory=list)  # line at its end, offset (-1: emptied), content
    syncs: list[Call] = field(default_factory=list)
    last: Operation | None = None  # the latest about it

    def content(self, until: int = NEVER) -> bytes:
        """What was in it at a line of the trace."""
        content = bytearray()
        for line, offset, piece in self.writes:
            if offset < 0 and line <= until:
                content.clear()
            elif line <= until:
                content[offset : offset + len(piece)] = piece
        return bytes(content)


class Replay:
    """The folder `root` of a run, as the calls have changed it."""

    def __init__(self, root: Path, before: Files, calls: Iterable[Call]) -> None:
        """`before`: the files that were on the disk when the run began."""
        self._root = root
        self.nodes = [Node(folder=True)]
        self.operations: list[Operation] = []
        self.names: dict[Name, int] = {}  # what has which name now
        self._touched: dict[Name, Operation] = {}
        for path, content in before.items():
            self._put(path, content)
        self.before = dict(self.names)
        coming = deque(calls)
        while coming:
            self._in_turn(coming.popleft(), coming)

    def number(self, path: str) -> int:
        """What has the relative path now."""
        number = self._known(self._root / path)
        assert number is not None, f"there is no {path}"
        return number

    def _in_turn(self, call: Call, coming: deque[Call]) -> None:
        """Apply it; calls that were under way together may have come to an end in another order than strace saw."""
        for other in [] if self._fits(call) else [other for other in coming if other.begin < call.end]:
            coming.remove(other)
            self._apply(other)
            if self._fits(call):
                break
        self._apply(call)

    def _fits(self, call: Call) -> bool:
        """Whether what it needs is there, and what it makes is not."""
        kind = _kind(call)
        if kind not in (*ONE_NAME, "rename", "mkdir", "open"):
            return True
        paths = [path for each in call.paths if (path := self._root / each).is_relative_to(self._root)]
        there = [self._known(path) is not None for path in paths]
        if kind == "open":
            return all(self._known(path.parent) is not None for path in paths if path != self._root)
        return not any(there) if kind == "mkdir" else all(there[:1])

    def _apply(self, call: Call) -> None:
        kind = _kind(call)
        if kind in ("open", "creat"):
            self._open(call)
        elif kind in ("write", "writev", "pwrite64", "ftruncate"):
            self._write(call)
        elif kind in ("fsync", "fdatasync"):
            if (number := self._known(call.file)) is not None:
                self._sync(number, call)
        elif kind not in IGNORED:
            self._rename(call, kind)

    def _open(self, call: Call) -> None:
        flags = next(word for word in call.arguments if isinstance(word, str) and word.startswith("O_"))
        [path] = call.paths
        if "O_CREAT" in flags and self._known(path) is None and (name := self._name(path)):
            self._make(call, name, folder=False)
        if "O_TRUNC" in flags and (number := self._known(path)) is not None and self.nodes[number].writes:
            self.nodes[number].writes.append((call.end, -1, b""))

    def _write(self, call: Call) -> None:
        number = self._known(call.file)
        if number is not None:
            assert call.name in ("write", "writev"), f"{call.name} is not modelled"
            self.nodes[number].writes.append((call.end, len(self.nodes[number].content()), call.content))

    def _rename(self, call: Call, kind: str) -> None:
        names = [self._name(self._root / path) for path in call.paths]
        if not any(names):
            return
        assert all(names), f"{call} leads out of {self._root}"
        first, *second = [name for name in names if name]
        if kind == "mkdir":
            self._make(call, first, folder=True)
        elif kind == "rename":
            number = self.names.pop(first)
            self.names[second[0]] = number
            self._note(call, {first: None, second[0]: number}, number)
        elif kind in ONE_NAME:
            number = self.names.pop(first)
            self._note(call, {first: None}, number)
        else:
            raise AssertionError(f"{call.name} is not modelled")

    def _make(self, call: Call, name: Name, folder: bool) -> None:
        self.nodes.append(Node(folder))
        number = self.names[name] = len(self.nodes) - 1
        self._note(call, {name: number}, number)

    def _note(self, call: Call, changes: dict[Name, int | None], about: int) -> Operation:
        node, emptied = self.nodes[about], call.name == "rmdir" or "AT_REMOVEDIR" in call.arguments
        needs = [self._touched.get(name) for name in changes] + [self.nodes[folder].last for folder, _ in changes]
        needs += [made for (folder, _), made in self._touched.items() if emptied and folder == about]
        operation = Operation(call, changes, [need for need in (*needs, node.last) if need], about)
        node.last = operation
        self._touched.update(dict.fromkeys(changes, operation))
        self.operations.append(operation)
        return operation

    def _sync(self, number: int, call: Call) -> None:
        self.nodes[number].syncs.append(call)
        if self.nodes[number].folder:
            for operation in self.operations:
                if operation.call.end < call.begin and operation.leads_to(number):
                    _on_disk(operation, call.end, number)

    def _put(self, path: str, content: bytes) -> None:
        folder = 0
        *above, last = path.split("/")
        for part in above:
            if (folder, part) not in self.names:
                self.nodes.append(Node(folder=True))
                self.names[folder, part] = len(self.nodes) - 1
            folder = self.names[folder, part]
        self.nodes.append(Node(False, [(-1, 0, content)]))
        self.names[folder, last] = len(self.nodes) - 1

    def _known(self, path: Path) -> int | None:
        """What has the path now; None if nothing has, or it lies elsewhere."""
        path, number = self._root / path, 0
        if not path.is_relative_to(self._root):
            return None
        for part in path.relative_to(self._root).parts:
            if (number, part) not in self.names:
                return None
            number = self.names[number, part]
        return number

    def _name(self, path: Path) -> Name | None:
        """The folder's number and the name, for a path below the root."""
        path = self._root / path
        if not path.is_relative_to(self._root) or path == self._root:
            return None
        folder = self._known(path.parent)
        assert folder is not None, f"{path} lies in nothing"
        return folder, path.name


def _kind(call: Call) -> str:
    return call.name.removesuffix("at2").removesuffix("at")


def _on_disk(operation: Operation, line: int, folder: int) -> None:
    """It is on the disk from `line` on, and all that it needs, but not the name of the folder that was synced."""
    waiting = [operation]
    while waiting:
        one = waiting.pop()
        if one.synced > line:
            one.synced = line
            waiting += [need for need in one.needs if need.about != folder]
