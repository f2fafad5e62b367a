"""What the supervisor waits for: deaths, log lines, notices and signals, each with what is to be done about it."""

import selectors
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from host.report import Report


class HasDescriptor(Protocol):
    """A pipe or a socket."""

    def fileno(self) -> int: ...


Source: TypeAlias = "int | HasDescriptor"


class News:
    """Sources and what to do when one has something to read; the report is written on as its reader takes it."""

    def __init__(self, report: Report) -> None:
        self._selector = selectors.PollSelector()  # epoll takes no regular file, and the report may go to one
        self._report = report

    def on(self, source: Source, deed: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, deed)

    def forget(self, source: Source) -> None:
        self._selector.unregister(source)

    def act(self, until: float) -> None:
        """Wait for news until `until` (time.monotonic() seconds), and do what is to be done about all there are."""
        if listening := self._report.waits:
            self._selector.register(self._report, selectors.EVENT_WRITE, self._report.flush)
        news = self._selector.select(max(0.0, until - time.monotonic()))
        if listening:
            self._selector.unregister(self._report)
        for key, _ in news:
            key.data()

    def close(self) -> None:
        self._selector.close()
