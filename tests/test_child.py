"""What is held against a child that seems to hang."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bus.hand import Hand
from host import limits
from host.child import Child
from host.command import Process
from host.graph import Node
from host.runfolder import RunFolder
from tests.conftest import until


@pytest.fixture
def hand(run: RunFolder) -> Iterator[Hand]:
    hand = Hand(run.path / "sleeper.1.hand")
    yield hand
    hand.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with RunFolder(tmp_path / "graph.yaml") as run:
        yield run


@pytest.fixture
def child(run: RunFolder) -> Iterator[Child]:
    """A replica that sleeps; its test starts it."""
    command = ("sleep", "600")
    process = Process("sleeper.1", "sleeper", Node("sleeper", line=1, command=command, stall=60.0), command, env={})
    child = Child(process, run.path, run, print)
    yield child
    child.kill()
    until(lambda: os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT), what="its death")
    assert child.bury() == -signal.SIGKILL


def test_a_child_that_has_taken_nothing_is_not_busy(child: Child) -> None:
    with closing(child.start()):
        assert child.busy() == 0.0


def test_a_child_that_holds_a_message_is_busy_since_then(child: Child, hand: Hand) -> None:
    with closing(child.start()):
        taken = time.monotonic()
        hand.run()
        assert 0.0 < child.busy() <= time.monotonic() - taken

        hand.rest()
        assert child.busy() == 0.0


def test_what_its_last_life_held_is_not_held_against_a_child(child: Child, hand: Hand) -> None:
    hand.run()
    with closing(child.start()):
        assert child.busy() == 0.0


def test_the_time_for_which_a_child_was_stopped_is_not_held_against_it(child: Child, hand: Hand) -> None:
    with closing(child.start()):
        hand.run()
        os.kill(child.pid, signal.SIGSTOP)
        until(lambda: limits.is_stopped(child.pid), what="it to stop")
        stopped = time.monotonic()
        limits.enforce_stall([child])
        assert child.busy() <= time.monotonic() - stopped

        os.kill(child.pid, signal.SIGCONT)
        until(lambda: not limits.is_stopped(child.pid), what="it to go on")
        assert child.busy() <= time.monotonic() - stopped


def test_the_time_for_which_the_launcher_was_stopped_is_not_held_against_a_child(child: Child, hand: Hand) -> None:
    with closing(child.start()):
        hand.run()
        forgiven = time.monotonic()
        child.forgive()
        assert child.busy() <= time.monotonic() - forgiven
