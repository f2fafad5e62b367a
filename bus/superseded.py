"""Two lives of one replica at once: what believed a life dead has begun another, elsewhere, and it was not dead.

A peer goes on with the life that it heard last, and tells each that it hears of those before that it is over: so the
older one goes, and never comes back, as each life has a name of its own that its peers remember.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bus.lately import Lately

if TYPE_CHECKING:
    from bus.node import Node

SUPERSEDED = 75  # exit code: a death that blames no message
REPEAT = 0.1  # seconds between two words to lives that are over
LIVES = 2  # of one replica that are there: what is sent to it goes to each in turn


class Gone(Lately):
    """The lives of a peer that are over, by their names."""

    def __init__(self) -> None:
        super().__init__()
        self._told = 0.0  # when one of them was told so, by time.monotonic

    def calls(self) -> range:
        """How often one of them, which was just heard, is to be told: often enough for each that is there."""
        now = time.monotonic()
        if now - self._told < REPEAT:
            return range(0)
        self._told = now
        return range(LIVES)


class Superseded:
    """Whether this life of a node is over because of another one."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.by = ""  # the peer that has said so

    def hear(self, peer: str) -> None:
        """`peer` has heard another life after this one. Called with the hub's lock held.

        User code may finish what it has in hand, for nobody: it has gone to the other one, with all that comes.
        """
        if not self.by:
            self.by = peer
            self._node.say(f"is superseded: another life of {self._node.name} has come to {peer} after this one; ends")
            self._node.hub.stopping = True
            self._node.sockets.hang_up()
