"""The door between user code and the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.steps import step

if TYPE_CHECKING:
    from bus.node import Node
    from bus.taken import Taken


class Inside:
    """A block in which the hub's lock is held, and in which no death is laid to the messages in hand."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._holding: list[Taken] = []

    def __enter__(self) -> None:
        self._node.hub.lock.acquire()
        self._node.hand.rest()
        self._node.notify.ready()

    def __exit__(self, *error: object) -> None:
        try:
            holding = self._node.holding()
            if holding != self._holding:
                self._holding = holding
                held = [(t.item.pusher.name, t.item.epoch, t.item.n, t.message.name) for t in holding]
                with step("hold"):
                    self._node.hand.hold(held)
            if holding:
                with step("hand out"):
                    self._node.hand.run()
        finally:
            self._node.hub.leave()
            self._node.hub.lock.release()
