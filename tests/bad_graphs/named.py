"""A node whose argument has a name that every node's command line has already, for the graphs beside it."""

from collections.abc import Iterator

from bus import Message, run


def named(*, name: str = "") -> Iterator[Message]:
    yield Message(name.encode())


if __name__ == "__main__":
    run(named)
