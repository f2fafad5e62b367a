"""A source for the graphs beside it: empty messages."""

from collections.abc import Iterator

from bus import Message, run


def camera(*, source: str, rate: float = 25.0, count: int = 100, loop: bool = False) -> Iterator[Message]:
    for number in range(count):
        yield Message(b"", stream=f"{source} {rate} {loop}", number=number)


if __name__ == "__main__":
    run(camera)
