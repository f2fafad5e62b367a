"""Who may come in from another host: the keys that each of our doors lets in, and nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Collection

import zmq
from zmq.utils import z85

ZAP = "inproc://zeromq.zap.01"  # where libzmq asks, https://rfc.zeromq.org/spec/27/


class GuardDied(Exception):
    """Raised in the process whose guard has ended: one that lets nobody in any more is worse than a restart."""


class Guard:
    """Answers for each connection that has shown its key whether it may come in.

    While nobody answers, nobody comes in: libzmq waits, and gives up after HANDSHAKE_IVL.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._context = context
        self._keys: dict[bytes, set[bytes]] = {}  # domain -> the keys that it lets in
        self._failure = ""
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(ZAP)
        self.thread = threading.Thread(target=self._answer, name="guard", daemon=True)
        self.thread.start()

    def let_in(self, keys: Collection[str], domain: str) -> None:
        """From now on let `keys`, and no others, into the sockets of `domain`."""
        self._keys[domain.encode()] = {key.encode() for key in keys}

    def stand_at(self, socket: zmq.Socket[bytes], domain: str) -> None:
        """Whoever comes to `socket`, which has its key pair and is not bound yet, must show a key of `domain`."""
        socket.curve_server = True
        socket.setsockopt_string(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # without an authenticator nobody gets in, instead of everybody

    def tick(self, now: float, awake: bool) -> None:
        """Raises GuardDied if it has."""
        if not self.thread.is_alive():
            why = self._failure or "its thread has ended"
            raise GuardDied(
                f"nobody is let in from other hosts any more ({why}): this process ends, to be started again"
            )

    def close(self) -> None:
        if self.thread.is_alive():
            asking = self._context.socket(zmq.REQ)
            asking.connect(ZAP)
            asking.send(b"")
            self.thread.join()
            asking.close(linger=0)
        self._socket.close()

    def _answer(self) -> None:
        try:
            while (question := self._socket.recv_multipart()) != [b""]:
                self._socket.send_multipart(self._reply(question))
        except Exception as error:  # said by the process's own thread
            self._failure = f"{type(error).__name__}: {error}"

    def _reply(self, question: list[bytes]) -> list[bytes]:
        version, number, domain, _address, _name, mechanism, *keys = question  # libzmq asks, and nobody else can
        key = z85.encode(keys[0]) if mechanism == b"CURVE" and len(keys) == 1 else b""
        if key and key in self._keys.get(domain, ()):
            return [version, number, b"200", b"OK", key, b""]
        return [version, number, b"400", b"no key that is let in here", b"", b""]
