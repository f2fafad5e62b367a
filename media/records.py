"""Records on a pipe: a few words as JSON, and bytes that belong to them."""

import json
import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

HEAD = struct.Struct("<II")  # the lengths of the words and of the bytes


class Record(NamedTuple):
    words: dict[str, Any]
    body: bytes


def write(pipe: int, words: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Send one record; waits while the pipe is full. Raises BrokenPipeError when nobody reads it any more."""
    text, rest = json.dumps(words).encode(), memoryview(body).cast("B")
    os.write(pipe, HEAD.pack(len(text), len(rest)) + text)
    while rest:
        rest = rest[os.write(pipe, rest) :]


class Reader:
    """Puts records together from the chunks in which a pipe gives them."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._read = 0  # of them: those go once per chunk, not once per record

    def read(self, chunk: bytes) -> Iterator[Record]:
        """The records that `chunk` completes."""
        self._bytes += chunk
        while (record := self._next()) is not None:
            yield record
        del self._bytes[: self._read]
        self._read = 0

    def _next(self) -> Record | None:
        start = self._read + HEAD.size
        if len(self._bytes) < start:
            return None
        text, body = HEAD.unpack_from(self._bytes, self._read)
        middle, end = start + text, start + text + body
        if len(self._bytes) < end:
            return None
        self._read = end
        with memoryview(self._bytes) as view:
            return Record(json.loads(bytes(view[start:middle])), bytes(view[middle:end]))
