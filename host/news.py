"""What the supervisor waits for: deaths, log lines, notices and signals, each with what is to be done about it."""

import os
import selectors
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

from host.log import Log
from host.view.report import Report


class HasDescriptor(Protocol):
    """A pipe or a socket."""

    def fileno(self) -> int: ...


Source: TypeAlias = "int | HasDescriptor"
Deed: TypeAlias = "Callable[[], bool | None]"  # it returns False if nothing else is to be decided because of it

TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class News:
    """Sources and what to do when one has something to read; the report is written on as its reader takes it."""

    def __init__(self, report: Report) -> None:
        self._selector = selectors.PollSelector()  # epoll takes no regular file, and the report may go to one
        self._report = report
        self._logs = set[Log]()

    def on(self, source: Source, deed: Deed) -> None:
        self._selector.register(source, selectors.EVENT_READ, deed)

    def follow(self, log: Log) -> None:
        """Pass on what a process prints until nobody can print there any more; nothing is decided because of it."""
        self._logs.add(log)
        self.on(log, partial(self._hear, log))

    def forget(self, source: Source) -> None:
        self._selector.unregister(source)

    def act(self, until: float) -> None:
        """Do what is to be done about all news until `until` (time.monotonic() seconds), or until one changes more."""
        while not self._act(max(0.0, until - time.monotonic())) and time.monotonic() < until:
            pass

    def _act(self, seconds: float) -> bool:
        """Wait for news, and do what is to be done about all there are; whether something else is to be decided."""
        if listening := self._report.waits:
            self._selector.register(self._report, selectors.EVENT_WRITE, self._report.flush)
        news = self._selector.select(seconds)
        if listening:
            self._selector.unregister(self._report)
        results = [key.data() for key, _ in news]
        return any(result is not False for result in results)

    def close(self) -> None:
        """Pass on the last words of all."""
        self._selector.close()
        for log in self._logs:
            log.close()

    def _hear(self, log: Log) -> bool:
        if not log.read():
            self.forget(log)
            self._logs.remove(log)
            log.close()
        return False


class Signals:
    """From now on the signals that ask the launcher to stop arrive here, and interrupt nothing."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        signal.set_wakeup_fd(self._writing)
        for number in TO_STOP:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # started under nohup
                signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        return self._reading

    def read(self) -> list[int]:
        """The numbers of those that have arrived. To be called when there are some."""
        return [number for number in os.read(self._reading, 4096) if number in TO_STOP]

    def close(self) -> None:
        """From now on they are not heard: what is left to do takes a moment."""
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)
