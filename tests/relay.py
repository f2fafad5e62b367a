"""A TCP relay before a server on this machine, which can fall silent: it takes connections, and passes nothing on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

CHUNK = 1 << 16  # bytes
TURN = 0.1  # seconds between two looks at whether it is over


class Relay:
    """To `target`, "host:port"; it listens at the same address as that, at a port of its own."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._door = socket.create_server((host, 0))
        self._door.settimeout(TURN)
        self.address = f"{host}:{self._door.getsockname()[1]}"
        self._passes, self._is_over = threading.Event(), False
        self._passes.set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def fall_silent(self) -> None:
        self._passes.clear()

    def speak_again(self) -> None:
        self._passes.set()

    def close(self) -> None:
        self._is_over = True
        self._passes.set()
        for thread in self._threads:
            thread.join()
        self._door.close()

    def _accept(self) -> None:
        while not self._is_over:
            with suppress(TimeoutError):
                here, _ = self._door.accept()
                there = socket.create_connection(self._target)
                for one, other in ((here, there), (there, here)):
                    one.settimeout(TURN)
                    self._threads.append(threading.Thread(target=self._pump, args=(one, other)))
                    self._threads[-1].start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        """Pass on what `one` says until it has no more to say."""
        with closing(one), suppress(OSError):
            while not self._is_over:
                try:
                    chunk = one.recv(CHUNK)
                except TimeoutError:
                    continue
                self._passes.wait()
                if not chunk:
                    break
                other.settimeout(None)
                other.sendall(chunk)
                other.settimeout(TURN)
            other.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()
