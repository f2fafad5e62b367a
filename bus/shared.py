"""A pusher's arena (bus/arena.py) as a puller on the same host reads it: payloads without a copy."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import weakref
from collections import deque

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
        place = self._mapping.address + at
        if ctypes.string_at(place, USE.size) != USE.pack(use):
            raise Malformed("a payload that has been written over")
        exporter = (ctypes.c_ubyte * capacity(length)).from_address(place)
        exporter.mapping = self._mapping  # type: ignore[attr-defined]
        self._open[loan] = weakref.ref(exporter, lambda gone: self._gone(loan))
        return memoryview(exporter).cast("B")[HEAD : HEAD + length].toreadonly()

    def _gone(self, loan: int) -> None:
        """Called by any thread, at any time."""
        del self._open[loan]
        self._over.append(loan)
