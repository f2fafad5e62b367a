"""A message in user code's hands, and what was made of it so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bus.chain import Unit
from bus.message import Message
from bus.pusher import Item

if TYPE_CHECKING:
    from bus.pull import Pull
    from bus.push import Push


class Taken:
    """`unit` is finished when all that was made of it is."""

    __slots__ = ("at", "begun", "item", "message", "names", "partner", "pull", "told", "unit", "wires")

    def __init__(self, pull: Pull, item: Item, message: Message, unit: Unit) -> None:
        self.pull, self.item, self.message, self.unit = pull, item, message, unit
        self.at = self.begun = 0  # when user code got it: ns since the epoch; a monotonic time without what was blocked
        self.wires: set[Push] = set()  # where something was sent that was made of it
        self.told: set[Push] = set()  # … with its own number: the others are to know that this does not come
        self.partner: Taken | None = None  # which is one unit with it
        self.names: dict[tuple[str, int | None, str], int] = defaultdict(int)  # how often a result had this name

    def went(self, wires: Sequence[Push], stream: str, number: int | None) -> None:
        """A message with this number that was made of it was sent on `wires`."""
        self.wires.update(wires)
        if (stream, number) == (self.message.stream, self.message.number):
            self.told.update(wires)

    def made(self, message: Message) -> bool:
        """Whether `message` is this one, or was made of it by `replace`."""
        return message.origin is self.item
