"""Whoever is inside the bus serves it: one lock, one poller, and a side thread for when user code is busy."""

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import zmq

SIDE = 0.02  # seconds between the side thread's looks, so that acknowledgements flow while user code computes
DUE = 0.2  # seconds after which the side thread serves though nothing has come
BEAT = 0.5  # seconds between pings and whole states; no wait lasts longer
ASLEEP = 1.0  # seconds between two ticks that mean: this process itself was stopped


class Stopped(BaseException):
    """Raised inside a node's `next` when it was asked to stop; not an Exception, so that no node swallows it."""


class End(Protocol):
    def tick(self, now: float, awake: bool) -> None:
        """Send what is due; `awake` is False right after this process was stopped for a while."""


class Hub:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopping = False  # set by a signal handler
        self.served = time.monotonic()
        self.on_beat: Callable[[], None] = lambda: None
        self.on_signals: Callable[[bytes], object] = lambda signals: None  # what was written to `wakeup`
        self.on_gone: Callable[[str], object] = lambda peer: None  # it has said that another life goes on in our place
        self._woken, self.wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)  # who writes to that ends a wait
        self._poll = select.epoll()
        self._poll.register(self._woken, select.EPOLLIN)
        self._calls: dict[zmq.Socket[bytes], Callable[[], object]] = {}
        self._sockets: dict[int, zmq.Socket[bytes]] = {}  # by the descriptors that libzmq has for them
        self._heard: list[zmq.Socket[bytes]] = []  # those that were called last, and may have more
        self._ends: list[End] = []
        self._beat = 0.0
        self._over = threading.Event()
        self._left = threading.Event()  # the node's own thread has gone to user code while the side thread rested
        self._is_resting = False
        self.failure: Exception | None = None  # what a call raised while the wires were served: the end of this process
        self._side = threading.Thread(target=self._serve_aside, name="bus", daemon=True)

    def start(self) -> None:
        self._side.start()

    def on(self, socket: zmq.Socket[bytes], call: Callable[[], object]) -> None:
        """Call `call` whenever `socket` can be read."""
        descriptor = int(socket.getsockopt(zmq.FD))
        self._poll.register(descriptor, select.EPOLLIN)
        self._sockets[descriptor], self._calls[socket] = socket, call
        self._heard.append(socket)

    def join(self, end: End) -> None:
        self._ends.append(end)

    def serve(self, timeout: float = 0.0) -> None:
        """With the lock held: send what is due, wait up to `timeout` seconds, hear, act."""
        if self.failure:
            raise self.failure
        try:
            self.tick()
            ready = self._ready(timeout)
            for socket in ready:
                self._calls[socket]()
            if ready and not timeout:  # who waits comes back at once, or has a message to give to user code
                self.tick()
        except Exception as failure:
            self.failure = failure
            raise

    def _ready(self, timeout: float) -> list[zmq.Socket[bytes]]:
        """Those that have something, waiting up to `timeout` seconds for the first.

        Libzmq's descriptor of a socket can be read when it has news, and not while there is more of what it was asked
        for already; zmq_poll asks each socket, which costs two system calls for each of what may be hundreds.
        """
        ready = [socket for socket in self._heard if int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN]
        for descriptor, _ in self._poll.poll(0 if ready else timeout):
            if descriptor == self._woken:
                self.on_signals(os.read(self._woken, 64))
            elif (socket := self._sockets[descriptor]) not in ready:
                ready.append(socket)
        self._heard = ready
        return ready

    def tick(self) -> None:
        now = time.monotonic()
        awake = now - self.served < ASLEEP
        if not awake:  # hear first, judge after: everybody else only seems to have been silent
            for call in self._calls.values():
                call()
        self.served = now
        for end in self._ends:
            end.tick(now, awake)
        if now - self._beat >= BEAT:
            self._beat = now
            self.on_beat()

    def wait(self, until: float | None = None) -> None:
        """Serve once, waiting for news but not beyond `until`, nor the next beat. Raises Stopped."""
        self.check()
        now = time.monotonic()
        ends = self._beat + BEAT if until is None else min(self._beat + BEAT, until)
        self.serve(max(0.001, ends - now))
        self.check()

    def check(self) -> None:
        if self.stopping:
            raise Stopped

    def leave(self) -> None:
        """With the lock held: the node's own thread goes to user code, and the side thread serves meanwhile."""
        if self._is_resting:
            self._is_resting = False
            self._left.set()

    def close(self) -> None:
        self._over.set()
        self._left.set()
        if self._side.is_alive():
            self._side.join()
        self._poll.close()
        for descriptor in (self._woken, self.wakeup):
            os.close(descriptor)

    def _serve_aside(self) -> None:
        while not self.failure and not self._over.wait(SIDE):
            if not self.lock.acquire(blocking=False):  # the node's own thread is in here, and serves
                self._is_resting = True
                if self.lock.locked():  # else it has left since
                    self._left.wait(BEAT)
                self._is_resting = False
                self._left.clear()
            else:
                try:
                    if time.monotonic() - self.served > DUE or self._heard or self._poll.poll(0):
                        with suppress(Exception):  # raised again in the node's own thread
                            self.serve()
                finally:
                    self.lock.release()
