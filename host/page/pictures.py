"""What a node was given and what it made of it, as small JPEGs: made here, not in the node."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from bus.encoding import RAW_MODES
from bus.picture import Undecodable, as_raw, decode, encode
from host.graph import Graph
from host.page.regular import opened

SIDES = ("before", "after")  # of a node; also what the files' names end with
SMALL, LARGE = 320, 1280  # pixels of the longer side
QUALITY = 80  # of the JPEG
MOST = 64 * 1024 * 1024 + 65536  # bytes of a file: nodes write no larger ones
MOST_FACTS = 65536  # bytes of its first line
LONGEST = 300  # characters of a name


class Wanted(NamedTuple):
    """A picture that somebody wants to see."""

    node: str
    side: str
    size: int  # SMALL or LARGE


class Picture(NamedTuple):
    """One that was made."""

    version: tuple[str, int]  # of what: which file, of what time
    facts: dict[str, Any]  # at (ns, when the node had it), captured (ns; None: unknown), stream, number, name, …
    jpeg: bytes  # empty: there is none, and `trouble` says why


class Pictures:
    """Reads the files that nodes write while somebody looks, and keeps the newest picture of each."""

    def __init__(self, run: Path, graph: Graph) -> None:
        self._run, self.graph = run, graph
        self.made: dict[Wanted, Picture] = {}

    def make(self, wanted: Iterable[Wanted]) -> None:
        """Make what is wanted and not made yet, and let go of what is wanted no longer."""
        made: dict[Wanted, Picture] = {}
        by_file: dict[Path, list[Wanted]] = {}
        for one in wanted:
            if file := self._newest(one.node, one.side):
                by_file.setdefault(file, []).append(one)
        for file, sizes in by_file.items():
            made |= self._made(file, sizes)
        self.made = made

    def _newest(self, node: str, side: str) -> Path | None:
        """The file of the replica that had a frame last."""
        names = self.graph.nodes[node].names if node in self.graph.nodes else []
        files = [self._run / f"{replica}.{side}" for replica in names]
        ages = {file: _written(file) for file in files}
        newest = max(files, key=lambda file: ages[file], default=None)
        return newest if newest and ages[newest] else None

    def _made(self, file: Path, sizes: list[Wanted]) -> dict[Wanted, Picture]:
        version = file.name, _written(file)
        made = {one: self.made[one] for one in sizes if one in self.made and self.made[one].version == version}
        todo = [one for one in sizes if one not in made]
        if not todo:
            return made
        try:
            with opened(file) as there:
                head, body = there.readline(MOST_FACTS), there.read(MOST)
        except OSError:  # its replica is gone, or it was replaced: there will be another one
            return made
        facts = {"replica": file.stem, **_facts(head)}
        try:
            image = _image(head, body, max(one.size for one in todo))
        except (ValueError, MemoryError) as error:
            return made | {one: Picture(version, {**facts, "trouble": str(error)[:LONGEST]}, b"") for one in todo}
        for one in todo:
            jpeg, width, height = shrunk(image, one.size)
            made[one] = Picture(version, {**facts, "width": width, "height": height}, jpeg)
        return made


def shrunk(image: Image.Image, size: int) -> tuple[bytes, int, int]:
    """`image` as a JPEG of at most `size` pixels a side, and its width and height."""
    small = image.copy() if max(image.size) <= size else image
    if small is image:
        small = image.resize(
            [max(1, round(side * size / max(image.size))) for side in image.size], Image.Resampling.BILINEAR, None, 2.0
        )
    return encode(small, "jpg", QUALITY), small.width, small.height


def _written(file: Path) -> int:
    """When (ns) it was written; 0: it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _facts(head: bytes) -> dict[str, Any]:
    """Those in a file's first line that are what they should be."""
    fields = _object(head)
    at, number, captured = fields.get("at"), fields.get("number"), fields.get("captured")
    return {
        "at": at if isinstance(at, int) else 0,
        "stream": str(fields.get("stream", ""))[:LONGEST],
        "name": str(fields.get("name", ""))[:LONGEST],
        "number": number if isinstance(number, int) else None,
        "captured": captured if isinstance(captured, int) and fields.get("time") == "captured" else None,
    }


def _image(head: bytes, body: bytes, enough: int) -> Image.Image:
    """The image behind the first line. Raises ValueError, with words, if there is none."""
    raw = _object(head).get("raw")
    if raw is None:
        if not body:
            raise Undecodable("it carries no image")
        return decode(body, enough)
    if not (isinstance(raw, list) and len(raw) == 3 and raw[0] in RAW_MODES):
        raise Undecodable("pixels of an unknown kind")
    mode, width, height = raw
    if not all(isinstance(side, int) and side > 0 for side in (width, height)):
        raise Undecodable("pixels of no size")
    if len(body) != width * height * RAW_MODES[mode]:
        raise Undecodable("pixels that were cut short")
    return as_raw(Image.frombytes(mode, (width, height), body))


def _object(head: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(head)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
