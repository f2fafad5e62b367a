"""What came on one wire and was not handed out: it lies in the queue of its input, or waits for its turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bus.order import Order

if TYPE_CHECKING:
    from bus.pull import Pull
    from bus.pusher import Item, Pusher


class Incoming:
    """Every method is called with the hub's lock held."""

    def __init__(self, pull: Pull, queue: deque[tuple[Pull, Item]], order: Order | None) -> None:
        """`queue`: what is handed out next, from all wires of the input; without an `order` all goes there at once."""
        self._pull, self._queue, self._order = pull, queue, order

    @property
    def waits(self) -> bool:
        """Whether something is here whose turn has not come."""
        return self._order is not None and self._order.waits

    def empty(self) -> list[Item]:
        """What waits for its turn, which waits no longer."""
        return self._order.empty() if self._order else []

    def add(self, item: Item) -> None:
        if self._order is None:
            self._queue.append((self._pull, item))
            return
        ready = self._order.put(item)
        self._extend(ready)
        if item not in ready:
            self._pull.set_aside(item)

    def finished(self, item: Item) -> None:
        """It does not come again."""
        if self._order:
            self._order.finished(item)

    def come_again(self, items: Iterable[Item]) -> None:
        """They were not done: what must be behind them, and was not handed out, waits until they are here once more."""
        if self._order:
            self._remove({*self._order.lost(items, [item for pull, item in self._queue if pull is self._pull])})

    def forget(self, pusher: Pusher) -> None:
        """Nothing that is here of `pusher` counts any more: its next life sends it again."""
        if self._order:
            self._order.forget(pusher)
        lost = {item for _, item in self._queue if item.pusher is pusher}
        self._remove(lost)
        self.come_again(lost)

    def beat(self, now: float) -> None:
        """See whether what waits has waited for too long."""
        if self._order:
            self._extend(self._order.tick(now, self._pull.closed))

    def keep(self) -> None:
        """Before a pusher is told anything: what is finished must not be waited for in the next life."""
        if self._order:
            self._order.keep()

    def _extend(self, items: Iterable[Item]) -> None:
        self._queue.extend((self._pull, item) for item in items)

    def _remove(self, items: set[Item]) -> None:
        kept = [one for one in self._queue if one[1] not in items]
        self._queue.clear()
        self._queue.extend(kept)
