"""The last ten minutes, a point a second, kept in a file over a death of the page's process."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

KEPT = 600  # points, and so seconds
FIELDS = 5


class Point(NamedTuple):
    """Numbers of the whole graph at one moment; `dropped`, `dead` and `waiting` are counts, `rate` is per second."""

    at: int  # seconds since the epoch
    rate: float
    dropped: int
    dead: int
    waiting: int


class History:
    """Appends to its file, and begins it anew when it is twice as long as is shown."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._points = self._read()
        self._lines = 2 * KEPT  # unknown, so the next point writes it anew

    def add(self, overview: dict[str, Any]) -> None:
        """Note how the graph does, once for each second."""
        sums = overview.get("sums", {})
        point = Point(
            int(overview["at"]),
            round(float(overview.get("rate") or 0.0), 3),
            int(sums.get("dropped") or 0),
            int(sums.get("dead") or 0),
            int(sums.get("backlog") or 0) + int(sums.get("on_the_way") or 0),
        )
        if self._points and point.at == self._points[-1].at:
            return
        before = [one for one in self._points if one.at < point.at]
        if len(before) < len(self._points):  # the clock was set back
            self._lines = 2 * KEPT
        self._points = [*before[1 - KEPT :], point]
        with suppress(OSError):  # no room: then it is shown, and forgotten with this process
            self._write(point)

    @property
    def newest(self) -> int:
        """The moment of the newest point; 0: there is none."""
        return self._points[-1].at if self._points else 0

    def since(self, at: int) -> list[Point]:
        """The points behind the moment `at`, the newest last."""
        return [point for point in self._points if point.at > at]

    def _write(self, point: Point) -> None:
        if self._lines >= 2 * KEPT:
            fresh = self._file.with_name(f"{self._file.name}.new")
            fresh.write_text("".join(f"{json.dumps(one)}\n" for one in self._points))
            fresh.replace(self._file)
            self._lines = len(self._points)
        else:
            with open(self._file, "a") as file:
                file.write(f"{json.dumps(point)}\n")
            self._lines += 1

    def _read(self) -> list[Point]:
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [point for line in lines if (point := _point(line))][-KEPT:]


def _point(line: bytes) -> Point | None:
    """The point in `line`; None for half a line, which a kill may leave."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, list) or len(fields) != FIELDS or not all(isinstance(one, int | float) for one in fields):
        return None
    return Point(*fields)
