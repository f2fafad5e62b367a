"""A filter for the graphs beside it: passes everything on."""

from collections.abc import Iterable, Iterator

from bus import Message, run


def shrink(frames: Iterable[Message], *, factor: int = 2, sides: list[int] | None = None) -> Iterator[Message]:
    for frame in frames:
        yield frame.replace(data={"factor": factor, "sides": sides})


if __name__ == "__main__":
    run(shrink)
