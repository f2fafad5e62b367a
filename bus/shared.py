"""A pusher's arena (bus/arena.py) as a puller on the same host reads it: payloads without a copy."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import weakref
from collections import deque
from functools import cache
from typing import Any

from bus.arena import HEAD, SEALS, SIZE, TOKEN, USE, Address, capacity
from bus.header import Malformed

MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class _Mapping:
    """All of an arena, to read. Not Python's own mmap: that of what cannot be written does not tell its address."""

    def __init__(self, fd: int) -> None:
        address = _libc.mmap(None, SIZE, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        if address == MAP_FAILED:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.address: int = address

    def __del__(self) -> None:
        if hasattr(self, "address"):
            _libc.munmap(self.address, SIZE)


@cache
def _exporter(size: int) -> Any:
    """The type of what every view of a slot of so many bytes keeps alive."""
    return ctypes.c_ubyte * size


class Shared:
    """What of one arena is read here is known by its loan: each sending of a payload is one."""

    def __init__(self, address: Address) -> None:
        """Raises OSError, or Malformed, where it is not to be had: in another container, say."""
        fd = os.open(f"/proc/{address.pid}/fd/{address.fd}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS != SEALS or os.fstat(fd).st_size != SIZE:
                raise Malformed("an arena that is not sealed")
            self._mapping = _Mapping(fd)
        finally:
            os.close(fd)
        if ctypes.string_at(self._mapping.address, TOKEN) != address.token.encode():
            raise Malformed("another arena than it says")
        self.token = address.token
        self._over: deque[int] = deque()  # loans that were read, and the pusher does not know it
        self._open: dict[int, weakref.ref[object]] = {}  # loan -> what every view of it keeps alive

    @property
    def reading(self) -> list[int]:
        """The loans that somebody here may still read."""
        return [*self._open]

    def read(self) -> list[int]:
        """Those that nobody reads any more, each once."""
        return [self._over.popleft() for _ in range(len(self._over))]

    def view(self, at: int, length: int, use: int, loan: int) -> memoryview:
        """A payload, as long as this, or anything that was made of it without copying, is alive. Raises Malformed."""
        if not length > 0 or at % mmap.PAGESIZE or not 0 < at <= SIZE - capacity(length):
            raise Malformed("a payload that lies outside of its arena")
        exporter = _exporter(capacity(length)).from_address(self._mapping.address + at)
        exporter.mapping = self._mapping
        pixels = memoryview(exporter).cast("B").toreadonly()
        if USE.unpack_from(pixels)[0] != use:
            raise Malformed("a payload that has been written over")
        self._open[loan] = weakref.ref(exporter, lambda gone: self._gone(loan))
        return pixels[HEAD : HEAD + length]

    def _gone(self, loan: int) -> None:
        """Called by any thread, at any time."""
        del self._open[loan]
        self._over.append(loan)
