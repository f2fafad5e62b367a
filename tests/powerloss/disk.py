"""A disk that forgets what was not synced: from the calls of a run, what may be on it when the power fails.

What was fsynced is there. Anything else may be, or may not be, each for itself: file systems write in any order. But
an operation on names is there only if those are that it depends on: earlier ones on the same name, on the same file or
folder, or on the folder that has the name. A rename is one operation. What was written to a file since its last fsync
is there whole, in part, as zeros, or not at all.
"""

import random
from collections import defaultdict
from collections.abc import Iterator

from tests.powerloss.replay import Files, Name, Node, Operation, Replay
from tests.powerloss.trace import Call


class Disk:
    """The disk of a run, at any time."""

    def __init__(self, run: Replay) -> None:
        self._run, self.nodes, self.operations = run, run.nodes, run.operations

    def find(self, path: str) -> list[Operation]:
        """The operations that gave something to the relative path `path`, where its folder is at the end."""
        above, _, name = path.rpartition("/")
        folder = self._run.number(above)
        return [made for made in self.operations if made.changes.get((folder, name)) is not None]

    def taken_from(self, path: str) -> list[Operation]:
        """The operations that took something away from there."""
        above, _, name = path.rpartition("/")
        at = self._run.number(above), name
        return [taken for taken in self.operations if at in taken.changes and taken.changes[at] is None]

    def syncs(self, path: str) -> list[Call]:
        return self.nodes[self._run.number(path)].syncs

    @property
    def lines(self) -> list[int]:
        """The lines of the trace at which something has changed: names, contents, or what is synced."""
        ends = {operation.call.end for operation in self.operations}
        for node in self.nodes:
            ends |= {line for line, _, _ in node.writes if line >= 0} | {call.end for call in node.syncs}
        return sorted(ends)

    # ---- what may be

    def cut(self, line: int, rng: random.Random) -> Files:
        """What may be on the disk if the power fails right behind `line`."""
        chance, names, there = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0)), dict(self._run.before), set[int]()
        for operation in self.operations:
            if operation.call.end > line:
                break
            lucky = rng.random() < chance and all(id(need) in there for need in operation.needs)
            if operation.synced <= line or lucky:
                there.add(id(operation))
                for name, number in operation.changes.items():
                    names.pop(name, None)
                    if number is not None:
                        names[name] = number
        return {path: self._survivor(number, line, rng) for path, number in _paths(names, self.nodes)}

    def now(self) -> Files:
        """What was there at the end of the run."""
        return {path: self.nodes[number].content() for path, number in _paths(self._run.names, self.nodes)}

    def _survivor(self, number: int, line: int, rng: random.Random) -> bytes:
        node = self.nodes[number]
        synced = max((call.begin for call in node.syncs if call.end <= line), default=-1)
        safe, whole = node.content(synced), node.content(line)
        some = rng.randrange(len(whole) + 1)
        torn = [whole, safe, whole[:some], whole[:some] + bytes(len(whole) - some)]
        return whole if safe == whole else rng.choice(torn)


def _paths(names: dict[Name, int], nodes: list[Node]) -> Iterator[tuple[str, int]]:
    """The relative path and number of each file that can be reached."""
    below: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for (folder, name), number in names.items():
        below[folder].append((name, number))
    waiting = [("", 0)]
    while waiting:
        path, number = waiting.pop()
        if nodes[number].folder:
            waiting += [(f"{path}/{name}" if path else name, found) for name, found in below[number]]
        else:
            yield path, number
