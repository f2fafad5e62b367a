"""What a node function gets: an iterator over what comes, and the few ways to ask it for more."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bus.message import Message
from bus.pull import Pull
from bus.pusher import Item
from bus.steps import step
from bus.taken import Taken
from bus.times import WAITING
from bus.unreadable import Later, Unreadable

if TYPE_CHECKING:
    from bus.node import Node


class Input:
    """One input of a node: iterating hands out messages, and asking for the next says that the last one is finished."""

    def __init__(self, node: Node) -> None:
        self.pulls: list[Pull] = []
        self.queue: deque[tuple[Pull, Item]] = deque()
        self.taken: list[Taken] = []
        self.later = Later(node.say)
        self.is_over = False  # user code was told that it has ended
        self.node = node

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        with self.node.inside:
            self._ask()
            self._take()
            if message := self.handed_out():
                return message[0]
            self.is_over = True
            raise StopIteration

    def batch(self, size: int, seconds: float) -> list[Message]:
        """Up to `size` messages as one unit; empty when the input has ended."""
        with self.node.inside:
            self._ask()
            size = min(size, sum(pull.widen(size) for pull in self.pulls))
            if not self._take():
                self.is_over = True
                return []
            until = time.monotonic() + seconds
            guilty = self.taken[0].item.tries > 0  # of a death: it travels as a unit of its own
            while not guilty and len(self.taken) < size and self._take(until, innocent=True):
                pass
            return self.handed_out()

    def here(self) -> Message | None:
        """A message that is there already."""
        with self.node.inside:
            is_first = not self.taken
            self._ask()
            if not self._take(until=0.0) and is_first:  # else what it had may be behind what it yields next
                self.node.leaving.check()
            return next(iter(self.handed_out()), None)

    def through(self) -> bool:
        with self.node.inside:
            self.node.hub.serve()
            self.node.leaving.check_idle()
            return self.quiet and not self.node.leaving.asked  # what was given back is not through

    # ---- the bus's own, with the hub's lock held

    @property
    def ended(self) -> bool:
        return not self.waits and all(pull.ended for pull in self.pulls)

    @property
    def waits(self) -> bool:
        """Whether something is here that was not handed out yet."""
        return bool(self.queue or self.later) or any(pull.waits for pull in self.pulls)

    @property
    def quiet(self) -> bool:
        """Whether the pushers are through, as far as they know today, and nothing waits."""
        return not self.waits and all(pull.closed for pull in self.pulls)

    def _ask(self) -> None:
        self.node.asked = self
        self.let_go()

    def let_go(self) -> None:
        """What was handed out is finished, as far as user code goes."""
        taken, self.taken = self.taken, []
        for one in taken:
            with step("let go"):
                self.node.let_go(one)
            self.later.finished(one.item)

    def give_back(self, handed_out: bool) -> int:
        """Let others have what waits here, or also what was `handed_out`; how many messages that were."""
        taken = [one for one in self.taken if handed_out or not one.at]
        for one in taken:
            self.taken.remove(one)
            one.message.close()
        unready = [(pull, item) for pull in self.pulls for item in pull.leave()]
        items = [(one.pull, one.item) for one in taken] + [*self.queue, *self.later.all(), *unready]
        self.queue.clear()
        for pull, item in items:
            pull.give_back(item, False, "")
        return len(items)

    def discard(self, reason: str) -> None:
        """Drop what is there: user code wants no more."""
        self.queue.extend(self.later.due())
        while self.queue:
            if taken := self.open(*self.queue.popleft()):
                self.drop(taken, reason)

    def drop(self, taken: Taken, reason: str) -> None:
        """User code does not get it."""
        self.node.let_go(taken, reason)
        self.later.finished(taken.item)

    def _take(self, until: float | None = None, innocent: bool = False) -> Taken | None:
        """The next message, waited for until it comes, the input ends or `until` passes. Raises Stopped.

        None too if the next one is guilty of a death and `innocent` is asked for.
        """
        hub = self.node.hub
        hub.check()
        if not self.queue or self.node.overdue():
            hub.serve()
        while True:
            self.queue.extend(self.later.due())
            while self.queue:
                if innocent and self.queue[0][1].tries:
                    return None
                if taken := self.open(*self.queue.popleft()):
                    self.taken.append(taken)
                    return taken
            if self.ended or (until is not None and time.monotonic() >= until):
                return None
            self.node.leaving.check()
            with self.node.measures.times.spent(WAITING):
                hub.wait(until)

    def handed_out(self) -> list[Message]:
        """What was taken, which user code gets now."""
        for taken in self.taken:
            self.node.measures.handed_out(taken)
        return [taken.message for taken in self.taken]

    def open(self, pull: Pull, item: Item) -> Taken | None:
        """It as it is ready for user code; None if there is nothing to hand out of it, or not yet."""
        try:
            taken = self.node.opening.open(pull, item, whole=self.later.has_failed(item))
        except Unreadable as error:
            self.put_off(pull, item, error)
            return None
        if not taken:
            self.later.forget(item)
        return taken

    def put_off(self, pull: Pull, item: Item, error: Unreadable) -> None:
        """Its file cannot be read: try again later, unless others can be read and this one never."""
        if not self.later.put(pull, item, error):
            self.later.forget(item)
            self.node.opening.refuse(pull, item, error)


def batches(frames: Iterable[Message], n: int, seconds: float = 0.0) -> Iterator[list[Message]]:
    """Lists of 1 to `n` messages: what is there, and what comes within `seconds` of the first.

    A batch is one unit: it is finished, or blamed, as a whole. At most 64 messages of each pusher are there at a time,
    and of a `keep: latest` wire one.
    """
    if isinstance(frames, Input):
        while batch := frames.batch(n, seconds):
            yield batch
        return
    batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == n:
            yield batch
            batch = []
    if batch:
        yield batch


def arrived(frames: Iterable[Message]) -> Iterator[Message]:
    """The messages that are there now, without waiting; each is finished when the next is asked for."""
    if not isinstance(frames, Input):
        yield from frames
        return
    while message := frames.here():
        yield message


def closed(frames: Iterable[Message]) -> bool:
    """Whether the pushers are through and nothing waits. A pusher that restarts takes it back."""
    return frames.through() if isinstance(frames, Input) else True
