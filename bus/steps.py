"""The steps of a message's way, before and after which a test can have the process killed.

`with step("claim"):` around the lines that claim does nothing, and costs 0.1 us, unless the environment says where to
die:

    ZG_CRASH="before claim 3, fuse crashed"

Just before it claims for the third time in one life the process kills itself, as kill -9 would. First it makes the file
`crashed.1`. Who finds that at its start lives on: one of several replicas dies, and one of its lives.

    ZG_CRASH="before claim 3, then after send, fuse crashed"

Its next life dies too, after what it sends first; `crashed.2` is the fuse of that. A step that fails has no "after".
A node is told by its `env:` in graph.yaml. What the launcher itself is told it does not pass on.
"""

import atexit
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

CRASH = "ZG_CRASH"  # the variable
POINT = re.compile(r"(before|after) ([a-z][a-z ]*?)(?: ([1-9]\d*))?")
BAD_ARGUMENTS = 2  # exit code, as that of bus/program.py


class _Inert:
    """A step at which nothing happens."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        pass


_inert = _Inert()


class Point:
    """Kills this process before or after the `count`th step called `name`, unless the file `fuse` is there by then."""

    def __init__(self, when: str, name: str, count: int, fuse: str) -> None:
        self._when, self._name, self._left, self._fuse = when, name, count, fuse

    def step(self, name: str) -> AbstractContextManager[None]:
        if name != self._name:
            return _inert
        self._left -= 1
        return _inert if self._left else self

    def __enter__(self) -> None:
        if self._when == "before":
            self._die()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._when == "after" and kind is None:
            self._die()

    def complain(self) -> None:
        """Say, at its end, that this process did not come to the point: the name may be wrong."""
        if self._left > 0:
            print(f'{CRASH}: "{self._name}" was to come {self._left} times more', file=sys.stderr)

    def _die(self) -> None:
        with suppress(FileExistsError):  # another replica was faster
            os.close(os.open(self._fuse, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            os.kill(os.getpid(), signal.SIGKILL)


def points(text: str) -> list[Point]:
    """Where the lives of a process are to end, without those that have. Raises ValueError."""
    *places, fuse = re.split(", (?:then )?", text)
    found = [POINT.fullmatch(place) for place in places]
    name = re.fullmatch("fuse (.+)", fuse)
    if not (found and all(found) and name):
        raise ValueError(f'{CRASH}="{text}" is not understood: write "before claim 3, fuse FILE"; see bus/steps.py')
    fuses = [f"{name[1]}.{number}" for number in range(1, len(found) + 1)]
    return [
        Point(place[1], place[2], int(place[3] or 1), fuse)
        for place, fuse in zip(found, fuses, strict=True)
        if place and not os.path.lexists(fuse)
    ]


def _chosen(text: str | None) -> Callable[[str], AbstractContextManager[None]]:
    """What `step` is in this process. Exits with 2 if `text` is wrong."""
    try:
        left = points(text) if text else []
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_ARGUMENTS)
    if not left:
        return lambda name: _inert
    atexit.register(left[0].complain)
    return left[0].step


step = _chosen(os.environ.get(CRASH))
