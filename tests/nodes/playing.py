"""Plays the bus for a watcher: takes what it yields, and finishes it."""

import time
from collections.abc import Iterator

from bus import Message

Flow = Iterator[Message | None]


def some(flow: Flow, count: int, seconds: float = 20.0) -> list[Message]:
    """The next `count` messages, in their order, unfinished."""
    messages: list[Message] = []
    deadline = time.monotonic() + seconds
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages within {seconds} s"
        message = next(flow)
        messages.extend([message] if message else [])
    return messages


def rest(flow: Flow) -> list[Message]:
    """All messages to the end of the flow, each finished before the next is asked for."""
    messages = []
    for message in flow:
        if message:
            messages.append(message)
            finish(message)
    return messages


def nothing(flow: Flow, times: int = 3) -> bool:
    """Whether the watcher looks around so many times and has nothing."""
    return [next(flow) for _ in range(times)] == [None] * times


def finish(message: Message, verdict: str = "done", reason: str = "") -> None:
    assert message.finish is not None
    message.finish(verdict, reason)
