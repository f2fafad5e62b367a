"""Shared memory of one replica, in which large payloads lie while those who get them on this host read them.

It is a file without a name (memfd_create(2)), mapped: it goes with the last process that has it, whoever is killed
when, and the size of /dev/shm does not bound it. Others open it as /proc/<pid>/fd/<fd>, to read. Layout: the token at
its beginning; then slots, each HEAD bytes of which the first 8 say, little-endian, which use of it this is, and a
payload.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import struct
from collections import defaultdict
from typing import NamedTuple

from bus.spare import spare

SIZE = 1 << 30  # bytes of addresses; memory is taken slot by slot
LARGE = 32 * 1024  # bytes from which on a payload goes here: below, a socket is as fast
SMALLEST = 64 * 1024  # bytes of a slot; others have twice that, four times, …
HEAD = 64  # bytes before a payload: so it begins a cache line
TOKEN = 16  # characters
CALM = 10.0  # seconds in which nobody needed a slot, after which it gives its memory back
SHARE = 4  # a slot is made only while this many times its size is to be had
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL  # nobody can cut it off below a reader

USE = struct.Struct("<Q")


class Address(NamedTuple):
    """Where an arena is to be found, as a ping tells it."""

    pid: int
    fd: int
    token: str


class Slot:
    """One payload that lies in the arena."""

    __slots__ = ("_arena", "_holds", "_length", "at", "use")

    def __init__(self, arena: Arena, at: int, length: int, use: int) -> None:
        """It is held once: by its message, until that is finished."""
        self._arena, self.at, self._length, self.use, self._holds = arena, at, length, use, 1

    def __len__(self) -> int:
        return self._length

    def __bytes__(self) -> bytes:
        return bytes(self._arena.view(self.at, self._length))

    def hold(self) -> None:
        """Somebody else may read it, too."""
        self._holds += 1

    def let_go(self) -> None:
        """One of them will not read it any more; with the last the slot is free."""
        self._holds -= 1
        if not self._holds:
            self._arena.free(self.at, self._length)


class Arena:
    """Every method is called with the hub's lock held."""

    def __init__(self) -> None:
        """Where this system has no such memory all payloads go through sockets."""
        self.address: Address | None = None
        self._free: defaultdict[int, list[int]] = defaultdict(list)  # capacity -> slots, the last one used last
        self._backed: dict[int, int] = {}  # slot -> bytes of it that have memory
        self._top = mmap.PAGESIZE
        self._use = 0
        self._since = 0.0  # by time.monotonic: what is free since then was never needed …
        self._unneeded: dict[int, int] = {}  # … capacity -> how many slots at least
        try:
            self._fd = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError:
            return
        token = secrets.token_hex(TOKEN // 2)
        try:
            os.ftruncate(self._fd, SIZE)
            self._map = mmap.mmap(self._fd, SIZE)
            self._map[:TOKEN] = token.encode()
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, SEALS)
        except OSError:  # too few addresses, as with ulimit -v
            os.close(self._fd)
            return
        self.address = Address(os.getpid(), self._fd, token)

    def place(self, body: bytes | memoryview) -> Slot | None:
        """A slot with a copy of `body`; None if there is no memory for it, so that it must go through sockets."""
        at = self._slot(len(body))
        if at is None:
            return None
        self._use += 1
        USE.pack_into(self._map, at, self._use)
        self._map[at + HEAD : at + HEAD + len(body)] = body
        return Slot(self, at, len(body), self._use)

    def view(self, at: int, length: int) -> memoryview:
        return memoryview(self._map)[at + HEAD : at + HEAD + length]

    def free(self, at: int, length: int) -> None:
        self._free[capacity(length)].append(at)

    def close(self) -> None:
        if self.address is not None:
            self.address = None
            self._map.close()
            os.close(self._fd)

    def tick(self, now: float, awake: bool) -> None:
        """Give back the memory of slots that nobody needed for a while."""
        if now - self._since < CALM:
            return
        self._since = now
        for size, count in self._unneeded.items():
            for at in self._free[size][:count]:
                if self._backed[at]:
                    self._map.madvise(mmap.MADV_REMOVE, at, size)
                    self._backed[at] = 0
        self._unneeded = {size: len(slots) for size, slots in self._free.items()}

    def _slot(self, length: int) -> int | None:
        """The place of a free slot for so many bytes, with memory behind all of them."""
        if self.address is None:
            return None
        size = capacity(length)
        free = self._free[size]
        at = free.pop() if free else self._top
        if at == self._top:
            if self._top + size > SIZE:
                return None
            self._top += size
            self._backed[at] = 0
        self._unneeded[size] = min(self._unneeded.get(size, 0), len(free))
        if not self._back(at, HEAD + length):
            free.insert(0, at)
            return None
        return at

    def _back(self, at: int, length: int) -> bool:
        """See that there is memory for the first bytes of a slot: writing without would be a SIGBUS, or worse."""
        if length <= self._backed[at]:
            return True
        if spare() < SHARE * length:
            return False
        try:
            os.posix_fallocate(self._fd, at, length)
        except OSError:
            return False
        self._backed[at] = length
        return True


def capacity(length: int) -> int:
    """Bytes of the slot that a payload of `length` bytes goes to."""
    return max(SMALLEST, 1 << (HEAD + length - 1).bit_length())
