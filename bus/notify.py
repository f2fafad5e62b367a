"""sd_notify: how a node tells its supervisor, the launcher or systemd, how it is; and the launcher, systemd."""

import os
import socket

from bus.hiding import conceal


class Notify:
    """Sends to $NOTIFY_SOCKET, never blocking; without that variable it is silent."""

    def __init__(self, replica: str = "") -> None:
        """`replica`: that of a node; the launcher is none."""
        self._own = [f"X_REPLICA={replica}"] if replica else []
        self._states = {"WATCHDOG=1"}
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket:
            self._socket.setblocking(False)

    def ready(self) -> None:
        if "READY=1" not in self._states:
            self._states.add("READY=1")
            self.beat()

    def status(self, words: str) -> None:
        self._states = {state for state in self._states if not state.startswith("STATUS=")}
        self._states.add(f"STATUS={conceal(words)}")
        self.beat()

    def stopping(self) -> None:
        if "STOPPING=1" not in self._states:
            self._states.add("STOPPING=1")
            self.beat()

    def beat(self) -> None:
        """Say everything again: a datagram that found the socket full is lost, the next one is not."""
        if not self._socket:
            return
        text = "\n".join([*sorted(self._states), *self._own])
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:
            return  # a supervisor that is busy or gone must not hold up frames

    def close(self) -> None:
        if self._socket:
            self._socket.close()
