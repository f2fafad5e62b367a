"""The work of the recipe in a bare pool: `python -m bench.peers.pool files|pipe pillow|opencv clip.mp4 results 2`.

As little as there can be: no bus, no watcher, no restarts. With `files` this process decodes the clip and writes JPEG
files, in groups that share their syncs as ours do, and the pool takes each group; with `pipe` it gets the pixels.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from bench import emboss
from bench.emboss import Engine, Pixels

GROUP = 8
AHEAD = 4  # groups that wait for the pool, at most

_engine: Engine


def main(between: str, engine: str, source: str, results: str, workers: str) -> None:
    spool, ahead = Path("spool"), multiprocessing.BoundedSemaphore(AHEAD)
    done = (lambda _: ahead.release(),) * 2  # whether it went well or not
    own = emboss.engine("pillow")  # as our splitter does
    spool.mkdir()
    with multiprocessing.Pool(int(workers), _begin, (engine,)) as pool:
        pending = []
        for number, group in enumerate(_groups(source)):
            ahead.acquire()
            names = [f"{number * GROUP + place:08d}.jpg" for place in range(len(group))]
            pixels = dict(zip(names, group, strict=True))
            if between == "files":
                write(spool, {name: own.encoded(own.taken(one)) for name, one in pixels.items()})
                pending.append(pool.apply_async(_from_files, (results, [spool / name for name in names]), {}, *done))
            else:
                pending.append(pool.apply_async(_from_pipe, (results, pixels), {}, *done))
        for result in pending:
            result.get()


def _groups(source: str) -> Iterator[list[Pixels]]:
    group = []
    with av.open(source) as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            group.append(frame.to_ndarray(format="rgb24"))
            if len(group) == GROUP:
                yield group
                group = []
    if group:
        yield group


def _begin(engine: str) -> None:
    global _engine
    _engine = emboss.engine(engine)


def _from_files(results: str, paths: Sequence[Path]) -> None:
    _convert(results, {path.name: _engine.decoded(path.read_bytes()) for path in paths})
    for path in paths:
        path.unlink()


def _from_pipe(results: str, group: dict[str, Pixels]) -> None:
    _convert(results, {name: _engine.taken(pixels) for name, pixels in group.items()})


def _convert(results: str, pictures: dict[str, Any]) -> None:
    write(Path(results), {name: _engine.encoded(_engine.embossed(picture)) for name, picture in pictures.items()})


def write(folder: Path, files: dict[str, bytes]) -> None:
    """A group of files: temporary names, synced together, renamed, and their folder synced."""
    descriptors = []
    for name, content in files.items():
        descriptors.append(os.open(folder / f".{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.write(descriptors[-1], content)
    for descriptor in descriptors:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # sends it off, so that they go together
    for descriptor in descriptors:
        os.fsync(descriptor)
        os.close(descriptor)
    for name in files:
        (folder / f".{name}").rename(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:])
