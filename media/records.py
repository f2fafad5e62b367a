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
        self._chunks: list[bytes] = []  # not joined until a record is whole: it may have megabytes
        self._size = 0  # of all chunks
        self._needed = HEAD.size  # bytes, until there is anything to do

    def read(self, chunk: bytes) -> Iterator[Record]:
        """The records that `chunk` completes."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size >= self._needed:
            unread = memoryview(b"".join(self._chunks))
            text, body = HEAD.unpack_from(unread)
            start, end = HEAD.size + text, HEAD.size + text + body
            whole = self._size >= end
            rest = unread[end:] if whole else unread
            self._chunks, self._size = [bytes(rest)], len(rest)
            self._needed = HEAD.size if whole else end
            if whole:
                yield Record(json.loads(bytes(unread[HEAD.size : start])), bytes(unread[start:end]))
