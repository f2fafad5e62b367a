"""The janitor, on real processes."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from host import janitor
from tests.conftest import until

STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
os.write(1, b"here\\n")
signal.pause()
"""


@pytest.fixture
def run_id() -> str:
    return secrets.token_hex(6)


@pytest.fixture
def stubborn(run_id: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the run that ignores every polite signal, with a grandchild that has left its session."""
    environment = {**os.environ, "ZG_RUN": run_id}
    with subprocess.Popen([sys.executable, "-c", STUBBORN], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == [b"here\n"] * 2
        yield process
        process.kill()


@pytest.fixture
def bystander(run_id: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of another run, whose id begins like that of ours."""
    environment = {**os.environ, "ZG_RUN": f"{run_id}0"}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=environment, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def carriers(run_id: str) -> int:
    return sum(1 for _ in janitor.carriers(f"ZG_RUN={run_id}"))


def test_all_of_the_run_and_nobody_else_is_killed_when_the_pipe_closes(
    run_id: str, stubborn: "subprocess.Popen[bytes]", bystander: "subprocess.Popen[bytes]"
) -> None:
    assert carriers(run_id) == 2
    send_off(janitor.start(run_id))

    assert carriers(run_id) == 0
    assert stubborn.wait(5) == -signal.SIGKILL
    assert bystander.poll() is None


def test_the_janitor_stays_while_the_launcher_lives_whatever_it_is_told(run_id: str) -> None:
    process = janitor.start(run_id)
    until(lambda: ignores_sigterm(process.pid), what="the janitor to ignore signals")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    send_off(process)


def send_off(process: "subprocess.Popen[bytes]") -> None:
    """Wait longer than an orderly launcher does, which has started its janitor long ago."""
    assert janitor.send_off(process) or process.wait(10) == 0
    assert process.returncode == 0


def ignores_sigterm(pid: int) -> bool:
    with open(f"/proc/{pid}/status") as status:
        ignored = next(int(line.split()[1], 16) for line in status if line.startswith("SigIgn"))
    return bool(ignored & 1 << signal.SIGTERM - 1)


def test_the_janitor_of_a_run_inside_a_run_is_not_of_the_outer_run(
    run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZG_RUN", run_id)
    process = janitor.start("of the inner run")
    assert carriers(run_id) == 0
    send_off(process)
