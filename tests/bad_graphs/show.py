"""A sink for the graphs beside it: prints numbers."""

from collections.abc import Iterable

from bus import Message, run


def show(frames: Iterable[Message]) -> None:
    for frame in frames:
        print(frame.number)


if __name__ == "__main__":
    run(show)
