"""The hand of one replica: what its user code holds right now, readable after any death.

Layout of `<run>/<replica>.hand`, little-endian: 8 bytes, CLOCK_MONOTONIC ns since when user code runs with a message in
hand (0: it does not); 4 bytes, the length of the JSON that follows: a list of [pusher replica, epoch, n, name].
"""

import json
import struct
import time
from pathlib import Path

from bus.header import fits, text
from bus.mapping import mapped

Held = tuple[str, str, int, str]  # pusher replica, its epoch, n, the message's name

SIZE = 64 * 1024  # bytes: a batch of some hundreds; what does not fit is not blamed
HEAD = struct.Struct("<qI")
SINCE = struct.Struct("<q")


class Hand:
    """Written before user code sees a message, so that its death can be laid to the messages that it held."""

    def __init__(self, path: Path | None = None) -> None:
        self._map = mapped(path, SIZE)
        self.before = self._read()  # what an earlier life of this replica died with
        HEAD.pack_into(self._map, 0, 0, 0)

    def hold(self, held: list[Held]) -> None:
        """From now on user code holds `held`; it starts to run with `run`."""
        HEAD.pack_into(self._map, 0, 0, 0)  # a death between these lines blames nobody
        body = text(held).encode()
        if len(body) > SIZE - HEAD.size:
            body = text([(pusher, epoch, n, "") for pusher, epoch, n, _ in held]).encode()[: SIZE - HEAD.size]
        self._map[HEAD.size : HEAD.size + len(body)] = body
        HEAD.pack_into(self._map, 0, 0, len(body))

    def run(self) -> None:
        """User code runs from now on: the time that `stall` counts."""
        SINCE.pack_into(self._map, 0, time.monotonic_ns())

    @property
    def runs(self) -> bool:
        """Whether user code runs with a message in hand."""
        return bool(SINCE.unpack_from(self._map, 0)[0])

    def rest(self) -> None:
        """The bus runs: a death now is nobody's fault."""
        SINCE.pack_into(self._map, 0, 0)

    def _read(self) -> list[Held]:
        since, length = HEAD.unpack_from(self._map, 0)
        if not since or not 0 < length <= SIZE - HEAD.size:
            return []
        try:
            held = json.loads(self._map[HEAD.size : HEAD.size + length])
        except ValueError:
            return []  # whatever damaged it, a node must start
        return [(peer, epoch, n, name) for peer, epoch, n, name in held] if fits(held, [(str, str, int, str)]) else []

    def close(self) -> None:
        self._map.close()
