"""Work that may block in C code, done in a background thread, a few items ahead of who asks for them."""

import queue
import threading
import time
from collections.abc import Generator
from contextlib import closing
from typing import TypeVar

from media.video import BEAT

DEPTH = 3  # items that wait: enough to keep two cores busy, a few frames of memory
GOODBYE = 0.5  # seconds that the thread gets to close what it holds; one that hangs dies with the process

Item = TypeVar("Item")


class _End:
    """What is in the queue after the last item."""


def ahead(items: Generator[Item, None, None]) -> Generator[Item | None, None, None]:
    """What `items` gives, and None whenever nothing came for BEAT seconds. What `items` raises is raised here."""
    ready: queue.Queue[Item | _End | Exception] = queue.Queue(DEPTH)
    unwanted = threading.Event()

    def work() -> None:
        try:
            with closing(items):
                for item in items:
                    ready.put(item)
                    if unwanted.is_set():
                        return
            ready.put(_End())
        except Exception as problem:
            ready.put(problem)

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = ready.get(timeout=BEAT)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, _End):
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        unwanted.set()
        _dismiss(thread, ready)


def _dismiss(thread: threading.Thread, ready: queue.Queue[Item]) -> None:
    """Wait until `thread` has ended; make room for what it still puts."""
    deadline = time.monotonic() + GOODBYE
    while thread.is_alive() and time.monotonic() < deadline:
        try:
            ready.get_nowait()
        except queue.Empty:
            thread.join(0.01)
