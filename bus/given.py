"""What a node function is given that is tried: messages, one by one, and a clock that runs while it works."""

from collections.abc import Iterator
from time import perf_counter

from bus.message import Message

LARGEST = 64  # messages that a node may hold at a time


class Frames:
    """The input: an iterator over messages. Who asks for the next one is through with the last."""

    def __init__(self, messages: Iterator[Message]) -> None:
        self.clock = Clock()
        self.taken = 0
        self.over = False  # the function was told that there are no more
        self.rejected: dict[str, list[str]] = {}  # reason -> names
        self._messages = messages
        self._held: list[Message] = []  # those that may still be rejected

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        self.clock.lap()
        message = next(self._messages, None)
        if message is None:
            self.over = True
            raise StopIteration
        self.taken += 1
        self._held.append(message)
        if len(self._held) > LARGEST:
            self.judge(1)
        return message

    @property
    def last(self) -> Message:
        """What was given last; an empty one before the first."""
        return self._held[-1] if self._held else Message()

    def in_hand(self, culprit: object) -> Message | None:
        """The one that cannot be decoded: `culprit`, or what was given last."""
        return next((one for one in self._held if one is culprit), self._held[-1] if self._held else None)

    def judge(self, count: int = LARGEST) -> None:
        """Note which of the first `count` that are held were rejected, and let go of them."""
        for message in self._held[:count]:
            if message.reason is not None:
                self.rejected.setdefault(message.reason, []).append(message.name)
        del self._held[:count]


class Clock:
    """The time that user code takes, in seconds."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.first = 0.0  # of which before it asked for a frame
        self.most = 0.0  # between two of its questions for one
        self._since = self._last = 0.0
        self._laps = 0

    def go(self) -> None:
        self._since = perf_counter()

    def halt(self) -> None:
        self.spent += perf_counter() - self._since

    def lap(self) -> None:
        """It asks for the next frame."""
        now = self.spent + perf_counter() - self._since
        if not self._laps:
            self.first = now
        else:
            self.most = max(self.most, now - self._last)
        self._last, self._laps = now, self._laps + 1
