"""The end that dials and is turned away: it says why, with the cure, and dials again, which libzmq would not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import zmq

PAUSE = 2.0  # seconds after which it dials again
OFTEN = 3  # handshakes in a row that the other end breaks off before that is said: a network may break off one
EVENTS = (
    zmq.EVENT_CONNECT_DELAYED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
DIALLING = {zmq.EVENT_CONNECT_DELAYED, zmq.EVENT_CONNECT_RETRIED, zmq.EVENT_CONNECTED}  # libzmq is at it by itself
CURE = "Give both hosts the same copy of graph.yaml, each its own key, and start the other one again"


class Redial:
    """Of one socket, which `listen` has joined to a hub. `say` is to say equal lines once a minute at most."""

    def __init__(self, socket: zmq.Socket[bytes], address: str, peer: str, say: Callable[[str], None]) -> None:
        """`peer`: who is expected at `address`, and where, in words: the same for all sockets of one pipe."""
        self._socket, self._address, self._peer, self._say = socket, address, peer, say
        self._lost = 0.0  # since when nobody dials, by time.monotonic; 0: somebody does, or need not
        self._broken_off = 0  # handshakes in a row

    def hear(self, events: Iterable[int]) -> None:
        for event in events:
            if event in DIALLING:
                self._lost = 0.0
            elif event == zmq.EVENT_DISCONNECTED:
                self._lost = time.monotonic()
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._broken_off = 0
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._complain("this host's key is refused: graph.yaml has another one there")
            elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
                self._complain(
                    "what answers is no wire with keys like ours: another graph, or another program, is there"
                )
            elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self._broken_off += 1
                if self._broken_off >= OFTEN:
                    self._complain(
                        "what answers breaks off: graph.yaml has another key for it here, or it is another program"
                    )

    def rest(self) -> None:
        """Nobody is to be reached any more; nothing is heard from now on."""
        self._lost = 0.0

    def tick(self, now: float, awake: bool) -> None:
        """Dial again, if that is due: libzmq does not after a refusal, which may be over when graph.yaml is mended."""
        if self._lost and now - self._lost > PAUSE:
            self._lost = now
            with suppress(zmq.ZMQError):  # it has given up the address already
                self._socket.disconnect(self._address)
            self._socket.connect(self._address)

    def _complain(self, words: str) -> None:
        self._say(f"{self._peer} cannot be reached: {words}. {CURE}")
