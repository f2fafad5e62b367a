"""What one life of a child prints, cut into lines."""

import os
import re
from collections.abc import Callable
from io import FileIO

LINE_LIMIT = 4096  # bytes; what is longer is cut
PIPE_SIZE = 65536  # bytes: the most that a pipe can hold
LINE_END = re.compile(rb"[\r\n]+")


class Log:
    """The reading end of a child's output. It may stay open after the child: grandchildren inherit the other end."""

    def __init__(self, pipe: FileIO, say: Callable[[str], None]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self._pipe = pipe
        self._say = say
        self._rest = b""  # of a line that has no end yet
        self.last = ""  # line

    def fileno(self) -> int:
        return self._pipe.fileno()

    def read(self) -> bool:
        """Pass on what is there, without waiting; whether more may come."""
        chunk = self._pipe.read(PIPE_SIZE)
        if chunk is None:
            return True
        *lines, rest = LINE_END.split(self._rest + chunk)
        self._rest = rest[: LINE_LIMIT + 1]  # one byte more than is shown tells that there was more
        for line in lines:
            self._pass_on(line)
        return chunk != b""

    def drain(self) -> None:
        """Pass on all that a dead child has left, an unfinished line included."""
        if not self._pipe.closed:
            self.read()  # at once: no more than a full pipe
        self._pass_on(self._rest)
        self._rest = b""

    def close(self) -> None:
        self.drain()
        self._pipe.close()

    def _pass_on(self, line: bytes) -> None:
        if line:
            cut = " … (cut)" if len(line) > LINE_LIMIT else ""
            self.last = line[:LINE_LIMIT].decode("utf-8", "replace") + cut
            self._say(self.last)
