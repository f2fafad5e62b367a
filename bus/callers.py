"""Those at one end of a pipe, and what the peer says there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import zmq

from bus.redial import Redial
from bus.superseded import LIVES
from bus.visits import AT_ONCE, Visits, monitor, user, waiting

if TYPE_CHECKING:
    from bus.hub import Hub
    from bus.link import Pipe, Sockets
    from bus.refusals import Refusals

WRONG_KEY = "whose key is not the one of this wire"


class Callers(Visits):
    """On a wire between hosts the peer, and strangers; on one host the peer alone."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        address: str,
        pipe: Pipe,
        sockets: Sockets,
        refusals: Refusals,
        aside: bool = False,
    ) -> None:
        """`aside`: on one host nobody wants to know who comes."""
        dialling = pipe.far and not pipe.bind
        super().__init__(
            monitor(socket, guarded=pipe.guarded, dials=dialling) if pipe.far or not aside else None,
            sockets.gauge(address, pipe),
            partial(refusals.stranger, pipe),
            int(pipe.guarded),
            WRONG_KEY,
            redial=Redial(socket, address, f"{pipe.peer} at {pipe.address}", refusals.trouble) if dialling else None,
        )
        self._socket, self._address, self._pipe = socket, address, pipe
        sockets.callers.append(self)
        self._guard = sockets.guard if pipe.guarded else None

    def listen(self, hub: Hub, hear: Callable[[], object]) -> None:
        """Call `hear` when somebody has come or gone."""
        if self.monitor:
            hub.on(self.monitor, hear)
        for end in (self._guard, self.redial):
            if end:
                hub.join(end)

    def clear(self) -> bool:
        """Where a peer has another life, end what may be the connection of the one before; whether there was any.

        Nothing tells whose is whose: all end, and who lives dials again. A life that is frozen would get its share of
        what is sent for as long as its connection lasts. On one host the launcher has seen it die.
        """
        if not self.gauge or self.gauge.count < LIVES:
            return False
        self.gauge.end()
        return True

    def hang_up(self) -> None:
        """Where this side dials, be there no longer."""
        if self.redial:
            self.redial.rest()
            self.redial = None
        if not self._pipe.bind:
            with suppress(zmq.ZMQError):  # libzmq has given the address up already
                self._socket.disconnect(self._address)

    def heard(self) -> Iterator[list[bytes]]:
        """The messages that wait: where this side let the peer in, each must be under the peer's key."""
        if not self.gauge:
            yield from waiting(self._socket)
            return
        for _ in range(AT_ONCE):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            parts = [frame.bytes for frame in frames]
            self.gauge.consumed(int(frames[0].get(zmq.SRCFD)), sum(map(len, parts)))
            if self._pipe.guarded and user(frames[0]) != self._pipe.key:
                self._refuse("refuses a message under another key", 1)
            else:
                yield parts
