"""One replica, through all its lives: its process, its session, its log, and what is to happen to it next."""

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Literal, cast

from host import deaths, janitor
from host.command import Process
from host.deaths import SUPERSEDED, Deaths
from host.environment import environment
from host.graph import Node
from host.log import Log
from host.orphans import strays
from host.runfolder import RunFolder
from host.view.ledger import Account

STACK_TIME = 2.0  # seconds that a hung process has to write its stack to the log
PROGRESS = ("received", "sent", "made")  # a replica has got on when one of these has grown
NEVER = math.inf  # a time that does not come


class Child:
    """A replica. Times are those of time.monotonic(), in seconds."""

    pid: int  # of its process, and so of its session and its group
    pidfd: int  # readable when the process has died

    def __init__(self, process: Process, folder: Path, run: RunFolder, line: Callable[[str, str], None]) -> None:
        """`line` says words under a name."""
        self.process, self._line = process, line
        self.successor: Process | None = None  # what it is to be from its next life on, where graph.yaml has changed
        self.is_removed = False  # the graph has no place for it any longer
        self.over: Literal["", "ended", "stopped", "failed", "spare"] = ""  # "": it has a life, or one to come
        self.is_wanted = True  # else it is spare, or about to be: others of its node suffice
        self.is_running = self.is_ready = self.is_aborted = False
        self.crime = ""  # what this life was ended for, in words
        self.is_leaving = False  # it is let go, and has no life to come
        self.is_asked = False  # to leave
        self.starts_at = 0.0
        self.leaves_at = NEVER  # when it is asked at the latest
        self.dies_at = NEVER  # when it is killed if it is still there
        self.born_at, self.since = 0.0, 0.0  # the latter in seconds since the epoch
        self.lives, self.calls = 0, 0  # of the former so many began because it was wanted again
        self.status, self.last_line = "", ""  # what it last said of itself; and printed, where it exited with a code
        self.last_death = ""  # in words
        self._folder, self._run = folder, run
        self._guiltless_until = 0.0  # what it did before is not held against it
        self.account = Account(run.books(process.replica), process.outgoing)
        self._counters_at_birth: dict[str, int] = {}
        self._deaths = Deaths()

    @property
    def node(self) -> Node:
        return self.process.node

    @property
    def is_changing(self) -> bool:
        """Whether this life is the last under its command line, because the graph has changed."""
        return self.is_removed or self.successor is not None

    def say(self, words: str) -> None:
        self._line(self.process.label, words)

    def next_turn(self) -> float:
        """When the supervisor has to see to it, if nothing happens before."""
        if self.is_running:
            return min(NEVER if self.is_asked else self.leaves_at, self.dies_at)
        return NEVER if self.over else self.starts_at

    def is_due(self) -> bool:
        return not self.over and not self.is_running and self.starts_at <= time.monotonic()

    def start(self) -> Log:
        """Begin a life, and return what it prints. Raises OSError if the program cannot be started."""
        self._counters_at_birth = self.counters()
        self.lives, self.last_line = self.lives + 1, ""
        self._popen = subprocess.Popen(
            self.process.argv,
            cwd=self._folder,
            env={**environment(self._run, self.process.env), "ZG_LIFE": self._life},
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        self._log = Log(cast(FileIO, self._popen.stdout), self.say)
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:  # nobody would see it die
            self.kill()
            self._popen.wait()
            self._log.close()
            raise
        self.is_running, self.is_ready, self.is_aborted, self.is_asked = True, False, False, False
        self.crime, self.dies_at = "", NEVER
        self.born_at, self.since, self.status = time.monotonic(), time.time(), ""
        self.forgive()
        return self._log

    def leave_for(self, successor: Process, dies_at: float) -> None:
        """Let this life end, by itself until `dies_at`; the next one is that of `successor`."""
        self.successor, self.dies_at = successor, min(self.dies_at, dies_at)
        self.ask()

    def take_over(self) -> None:
        """Be the successor."""
        assert self.successor and not self.is_running
        self.process, self.successor = self.successor, None
        self.account = Account(self._run.books(self.process.replica), self.process.outgoing)

    def begin_again(self) -> None:
        """Whatever became of its lives before, it has one to come, and nothing is held against it."""
        self.over, self.is_wanted, self.starts_at, self._deaths = "", True, 0.0, Deaths()
        self.is_ready, self.is_leaving, self.leaves_at, self.dies_at = False, False, NEVER, NEVER

    def give_way(self, leaves_at: float, dies_at: float) -> None:
        """Let it finish what it holds, and then be spare: others suffice."""
        self.is_wanted = False
        self.let_go(leaves_at, dies_at)
        if self.is_running:
            self._send(signal.SIGUSR1)

    def remove(self, dies_at: float) -> None:
        """Let this life end, by itself until `dies_at`; there is no other one."""
        self.is_removed = True
        self.let_go(NEVER, dies_at)
        self.ask()

    def let_go(self, leaves_at: float, dies_at: float) -> None:
        """From now on it has no life to come; what it has it may end by itself until `dies_at`."""
        self.is_leaving = True
        self.leaves_at, self.dies_at = leaves_at, min(self.dies_at, dies_at)
        if not self.is_running and not self.over:
            self.over = "stopped"

    def ask(self) -> None:
        """Ask it to leave, if it is there and was not asked."""
        if self.is_running and not self.is_asked:
            self.is_asked = True
            self._send(signal.SIGTERM)

    def abort(self, why: str) -> None:
        """Have a hung process write its stack, then end it."""
        self._condemn(why, "aborted")
        self.is_aborted = True
        self.dies_at = time.monotonic() + STACK_TIME
        self._send(signal.SIGABRT)

    def kill_for(self, why: str) -> None:
        """Kill the process for what it did."""
        self._condemn(why, "killed")
        self.kill()

    def kill(self) -> None:
        """Kill the process, and what is left of its group."""
        self.dies_at = NEVER
        try:
            os.killpg(self.pid, signal.SIGKILL)  # the pid is its own until it is buried
        except PermissionError:
            self.say("cannot be killed: it runs as another user")

    def bury(self, living: Collection[int] = ()) -> int:
        """Clear up after a process that has died, with all that it started; its exit code, or -N for signal N.

        `living`: the pids of the other replicas: whatever descends from them is theirs, and not looked at.
        """
        self.kill()
        self.is_running = False
        os.close(self.pidfd)
        with suppress(OSError):  # too few descriptors to look for it: then it goes with the graph
            # What has left the group would hold the camera of the next life.
            janitor.kill(f"ZG_LIFE={self._life}", strays(living))
        self._log.drain()
        code = self._popen.wait()
        self.last_line = self._log.last if code > 0 else ""  # a signal's stack says less than the signal
        return code

    def rest(self, code: int) -> float:
        """Note a death, and return for how many seconds to rest: none after a life with progress."""
        before, after = self._counters_at_birth, self.counters()
        progress = code != SUPERSEDED and any(after[counter] > before[counter] for counter in PROGRESS)
        rest = self._deaths.rest(time.monotonic(), progress)
        self.starts_at = time.monotonic() + rest
        return rest

    @property
    def _life(self) -> str:
        return f"{self._run.id}/{self.process.replica}/{self.lives}"

    @property
    def is_in_crash_loop(self) -> bool:
        return self._deaths.in_loop

    @property
    def leaves_mark(self) -> bool:
        """Whether it ends with an end mark; a command without wires knows of none."""
        return bool(self.node.run or self.node.inputs or self.node.outputs)

    def has_ended(self, code: int) -> bool:
        """Whether an exit with `code` is the end that was meant to come."""
        if self.leaves_mark:
            is_through = code == 0 or not any(pipe.far for pipe in self.process.pipes)  # others may not know it yet
            return is_through and self._run.mark(self.process.replica).exists()
        return code == 0 and self.node.restart != "always" and not self.is_leaving

    def death(self, code: int) -> str:
        """How it died, in words."""
        return deaths.words(code, has_left_mark=not self.leaves_mark)

    @property
    def kind_of_death(self) -> Literal["death", "hang", "memory"]:
        return "death" if not self.crime else "hang" if self.is_aborted else "memory"

    def why_never_again(self, code: int) -> str:
        """Why an exit with `code` is for good; nothing if it is not."""
        return "restart: never" if self.node.restart == "never" else deaths.NEVER_AGAIN.get(code, "")

    def counters(self) -> dict[str, int]:
        return self.account.read().counters

    def busy(self) -> float:
        """For how many seconds its code has held one message; the time before it was last forgiven does not count."""
        since = self._run.held_since(self.process.replica)
        if since < self.born_at:  # nothing, or what its last life died with
            return 0.0
        return time.monotonic() - max(since, self._guiltless_until)

    def forgive(self) -> None:
        """Hold nothing against it that it did until now."""
        self._guiltless_until = time.monotonic()

    def _condemn(self, why: str, what: str) -> None:
        self.crime = f"{why}: {what}"
        self.say(self.crime)

    def _send(self, number: signal.Signals) -> None:
        try:
            for one in (number, signal.SIGCONT):  # a stopped process would not hear it
                signal.pidfd_send_signal(self.pidfd, one)
        except PermissionError:
            self.say(f"cannot be sent {number.name}: it runs as another user")
