"""The clocks of other hosts: how far they are from ours, as `<run>/clocks.json` has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


class Clocks:
    """Times that were taken on other hosts, by our clock. A replica that the file does not name has our clock."""

    def __init__(self, path: Path | None = None) -> None:
        """`path`: a JSON object, replica -> nanoseconds to be added to its times; it may be absent, and may change."""
        self._path = path
        self._offsets: dict[str, int] = {}
        self._changed = 0  # when the file was, in ns since the epoch
        self.look()

    def look(self) -> None:
        """Read the file if it has changed; one that cannot be read changes nothing."""
        if self._path is None:
            return
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._offsets, self._changed = _read(self._path), changed
        except FileNotFoundError:
            self._offsets, self._changed = {}, 0
        except (OSError, ValueError):  # the next beat looks again
            return

    def ours(self, replica: str, ns: int) -> int:
        """The time `ns` of `replica`, by our clock."""
        return ns + self._offsets.get(replica, 0)

    def captured(self, hops: Sequence[tuple[str, int]], ns: int) -> int:
        """The time `ns`, taken where the message with these `hops` was made, by our clock."""
        return self.ours(hops[0][0], ns) if hops else ns


def _read(path: Path) -> dict[str, int]:
    """Raises OSError, or ValueError for a file that is not what it should be."""
    offsets = json.loads(path.read_bytes())
    if not isinstance(offsets, dict) or not all(type(offset) is int for offset in offsets.values()):
        raise ValueError(f"{path} does not hold an offset for each replica")
    return offsets
