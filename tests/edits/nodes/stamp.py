"""A custom filter: notes its label in the frame, so that a result shows who has had it in hand."""

from collections.abc import Iterable, Iterator

from bus import Message, run


def stamp(frames: Iterable[Message], *, label: int, place: str) -> Iterator[Message]:
    for frame in frames:
        yield frame.replace(data={**frame.data, place: label})


if __name__ == "__main__":
    run(stamp)
