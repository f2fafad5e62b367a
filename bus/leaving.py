"""How a replica leaves: it takes no more, gives back what user code has not got, and goes when all it did is finished.

Asked by SIGUSR1, which the hub hears in whichever thread serves the wires, even while user code computes.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bus.hub import Stopped
from bus.times import BLOCKED

if TYPE_CHECKING:
    from bus.node import Node
    from bus.pull import Pull


class Leaving:
    def __init__(self, node: Node) -> None:
        self._node = node
        self.asked = False

    def hear(self, signals: bytes) -> None:
        """Of these signals one may ask it to leave. Called with the hub's lock held."""
        if signal.SIGUSR1 not in signals or self.asked:
            return
        self.asked = True
        self._node.notify.stopping()
        count = self._give_back()
        self._node.say(f"leaves: takes no more, gives back {count} messages, finishes what it has begun")
        for pull in self._pulls():
            pull.tick(time.monotonic(), awake=True)  # others may have it now

    def check(self) -> None:
        """User code asks for more. Raises Stopped if it is to leave."""
        if self.asked:
            raise Stopped

    def check_idle(self) -> None:
        """User code has given something, or waits. Raises Stopped if it is to go and has nothing in hand.

        When it leaves, what comes behind the end of an input is still to be finished.
        """
        stops = self._node.hub.stopping
        if not (self.asked or stops) or self._node.holding():
            return
        if stops or not any(source.is_over for source in self._node.inputs.values()):
            raise Stopped

    def finish(self) -> None:
        """User code is over: wait until what was made is finished downstream, and those upstream know.

        Returns at once if it was not asked to leave, or is to stop.
        """
        if not self.asked:
            return
        with self._node.hub.lock, self._node.measures.times.spent(BLOCKED), suppress(Stopped):
            self._give_back(handed_out=True)
            while not (self._node.outputs.idle and self._is_through()):
                self._node.hub.wait()

    def _give_back(self, handed_out: bool = False) -> int:
        return sum(source.give_back(handed_out) for source in self._node.inputs.values())

    def _is_through(self) -> bool:
        now = time.monotonic()
        return all(pull.is_through(now) for pull in self._pulls())

    def _pulls(self) -> list[Pull]:
        return [pull for source in self._node.inputs.values() for pull in source.pulls]
