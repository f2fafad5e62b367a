"""Records on a pipe: a few words as JSON, and bytes that belong to them."""

import json
import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

HEAD = struct.Struct("<II")  # the lengths of the words and of the bytes


class Record(NamedTuple):
    words: dict[str, Any]
    body: bytes | memoryview


def write(pipe: int, words: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Send one record; waits while the pipe is full. Raises BrokenPipeError when nobody reads it any more."""
    text, rest = json.dumps(words).encode(), memoryview(body).cast("B")
    head = HEAD.pack(len(text), len(rest)) + text
    sent = os.writev(pipe, (head, rest))  # at once, so that who reads wakes up once; the head always fits
    rest = rest[sent - len(head) :]
    while rest:
        rest = rest[os.write(pipe, rest) :]


class Reader:
    """Puts records together from the chunks in which a pipe gives them; a body is copied once."""

    def __init__(self) -> None:
        self._pieces: list[memoryview] = []  # of what is being read: a head, words or a body
        self._missing = HEAD.size  # bytes of it
        self._lengths: tuple[int, int] | None = None  # of the record that is being read, once its head is
        self._words: dict[str, Any] | None = None  # likewise

    def read(self, chunk: bytes) -> Iterator[Record]:
        """The records that `chunk` completes."""
        rest = memoryview(chunk)
        while rest:
            piece, rest = rest[: self._missing], rest[self._missing :]
            self._pieces.append(piece)
            self._missing -= len(piece)
            while not self._missing:
                whole = b"".join(self._pieces)
                self._pieces.clear()
                if record := self._next(whole):
                    yield record

    def _next(self, whole: bytes) -> Record | None:
        """Go on with what comes behind `whole`."""
        if self._lengths is None:
            self._lengths = HEAD.unpack(whole)
            self._missing = self._lengths[0]
            return None
        if self._words is None:
            self._words = json.loads(whole)
            self._missing = self._lengths[1]
            return None
        record = Record(self._words, whole)
        self._lengths = self._words = None
        self._missing = HEAD.size
        return record
