"""Processes that the launcher keeps alive beside the nodes: what they do, and how they fare, touches no node."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from io import FileIO
from math import inf
from typing import cast

from host.beside import PAGE
from host.deaths import Deaths
from host.environment import PAGE_TOKEN, PROJECT, environment
from host.log import Log
from host.news import News
from host.runfolder import RunFolder

HEALTHY = 10.0  # seconds after which a life counts as a good one
GOODBYE = 3.0  # seconds that one has to leave in: a placer lets go of all actors first
GIVES_UP = 2  # the exit code of one that no new life can help; it has said why

Say = Callable[[str, str], None]  # under which name, and what


class Companion:
    """One of them, through all its lives. Times are those of time.monotonic(), in seconds."""

    def __init__(self, name: str, argv: Sequence[str], run: RunFolder, news: News, say: Say) -> None:
        self.name, self.argv = name, argv
        self.process: subprocess.Popen[bytes] | None = None
        self.starts_at = 0.0
        self.dies_at = inf  # when it is killed if it is still there
        self._run, self._news, self._say = run, news, partial(say, name)
        self._born_at = 0.0
        self._deaths = Deaths()
        self._is_renewed = False  # asked to leave, and to come back
        self.is_retired = False  # asked to end what it has begun, and to stay away then
        self._pidfd: int | None = None  # readable when the process has died

    @property
    def is_due(self) -> bool:
        return self.process is None and self.starts_at <= time.monotonic()

    def start(self) -> None:
        """Begin a life; if that cannot be now, rest first."""
        own = {name: value for name, value in environment(self._run, {}).items() if name != "NOTIFY_SOCKET"}
        if self.name == PAGE and PAGE_TOKEN in os.environ:
            own[PAGE_TOKEN] = os.environ[PAGE_TOKEN]
        self._born_at = time.monotonic()
        try:
            self.process = subprocess.Popen(
                self.argv,
                cwd=PROJECT,  # where no file of the user's hides one of ours
                env=own,
                bufsize=0,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._pidfd = os.pidfd_open(self.process.pid)
        except OSError as error:
            self._rest(f"cannot be started: {error.strerror}")
            return
        self._news.follow(Log(cast(FileIO, self.process.stdout), self._say))
        self._news.on(self._pidfd, self._bury)

    def renew(self) -> None:
        """Have it read the graph anew."""
        self.starts_at = 0.0  # also if it had given up
        if self.process and not self._is_renewed:
            self._is_renewed, self.dies_at = True, time.monotonic() + GOODBYE
            self.process.send_signal(signal.SIGTERM)

    def retire(self) -> None:
        """Let it end what it has begun, and then stay away: another one may be there already, or none is wanted."""
        self.is_retired, self.starts_at = True, inf
        (self._run.path / f"{self.name}.pool").unlink(missing_ok=True)  # so that nobody comes to it any longer
        if self.process:
            self.process.send_signal(signal.SIGUSR1)

    def kill_if_overdue(self) -> None:
        if self.process and self.dies_at <= time.monotonic():
            self.dies_at = inf
            self.process.kill()

    def close(self) -> None:
        """It is gone."""
        if self._pidfd is not None:
            self._forget()

    def _bury(self) -> None:
        self._forget()
        assert self.process
        code, self.dies_at = self.process.wait(), inf
        if self._is_renewed:
            self.process, self._is_renewed = None, False
        elif self.is_retired or code == GIVES_UP:
            self.process, self.starts_at = None, inf
        else:
            self._rest(f"exited with {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}")

    def _forget(self) -> None:
        assert self._pidfd is not None
        self._news.forget(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = None

    def _rest(self, words: str) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()  # it was started, and nobody would see it die
            self.process.wait()
        self.process = None
        rest = self._deaths.rest(time.monotonic(), progress=time.monotonic() > self._born_at + HEALTHY)
        self.starts_at = time.monotonic() + rest
        self._say(f"{words}, restarts {f'in {rest:.2g} s' if rest else 'at once'}")


class Companions:
    """All of them."""

    def __init__(self, wanted: Mapping[str, Sequence[str]], run: RunFolder, news: News, say: Say) -> None:
        """`wanted`: their command lines, by name."""
        self._make = partial(Companion, run=run, news=news, say=say)
        self._all = [self._make(name, argv) for name, argv in wanted.items()]

    def learn(self, wanted: Mapping[str, Sequence[str]], renew: Collection[str], retire: Collection[str] = ()) -> None:
        """The graph has changed: these are wanted now, and those of `renew` are to read it anew.

        Those of `retire` end what they have begun, while others of their names, if wanted, begin what is new.
        """
        here = [one for one in self._all if not one.is_retired]
        for one in here:
            if one.name in retire:
                one.retire()
            elif one.name in renew:
                one.renew()
        gone = [one for one in here if one.name not in wanted and not one.is_retired]
        self._all = [one for one in self._all if one not in gone and (one.process or not one.is_retired)]
        _part(gone)
        known = {one.name for one in self._all if not one.is_retired}
        self._all += [self._make(name, argv) for name, argv in wanted.items() if name not in known]

    @property
    def pids(self) -> list[int]:
        return [one.process.pid for one in self._all if one.process]

    def next_turn(self) -> float:
        return min((one.dies_at if one.process else one.starts_at for one in self._all), default=inf)

    def kill_who_is_overdue(self) -> None:
        for one in self._all:
            one.kill_if_overdue()

    def start_who_is_due(self) -> None:
        for one in self._all:
            if one.is_due:
                one.start()

    def close(self) -> None:
        """Leave none of them behind."""
        _part(self._all)


def _part(those: Sequence[Companion]) -> None:
    """Ask them to leave, and kill those that do not."""
    here = [one.process for one in those if one.process]
    for process in here:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GOODBYE
    for process in here:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for one in those:
        one.close()
