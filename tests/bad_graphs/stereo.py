"""A node with two inputs, for the graphs beside it."""

from collections.abc import Iterable, Iterator

from bus import Message, run


def stereo(left: Iterable[Message], right: Iterable[Message]) -> Iterator[Message]:
    yield from left
    yield from right


if __name__ == "__main__":
    run(stereo)
