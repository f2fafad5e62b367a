"""What a process takes of the machine, with all that descends from it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from host import proc
from host.view.families import TICKS, Machine, Use, families
from tests.conftest import until

HOLDS = "import os, signal; hold = b'x' * 60_000_000; os.write(1, b'held\\n'); signal.pause()"  # in one piece
WORKS = "import time\nwhile time.process_time() < 0.4: pass"


@contextmanager
def leader(script: str, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python process that leads a session; in the end all of that goes."""
    command = [sys.executable, "-c", script, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its own: it leads a session, and is not reaped yet
        process.communicate()


def test_the_memory_of_all_is_added_up() -> None:
    script = (
        "import subprocess, sys\n"
        "both = [subprocess.Popen([sys.executable, '-c', sys.argv[1]]) for _ in range(2)]\n"
        "[one.wait() for one in both]"
    )
    with leader(script, HOLDS) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == ["held\n"] * 2
        assert families([process.pid])[process.pid].memory > 120_000_000


def test_what_a_child_that_has_ended_took_of_the_processors_is_kept() -> None:
    script = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', sys.argv[1]])\n"
        "print('over', flush=True)\n"
        "import signal; signal.pause()"
    )
    with leader(script, WORKS) as process:
        assert process.stdout
        assert process.stdout.readline() == "over\n"
        assert families([process.pid])[process.pid].ticks >= 0.35 * TICKS


def test_the_use_of_processors_is_that_of_the_last_looks_and_of_one_life() -> None:
    use = Use()
    with leader(f"{WORKS}\nprint('over', flush=True)\nimport signal; signal.pause()") as process:
        use.look(10.0, [process.pid])
        assert use.cores(process.pid) == 0.0  # there was one look
        assert process.stdout
        process.stdout.readline()
        use.look(12.0, [process.pid])
        assert 0.1 < use.cores(process.pid) < 0.3  # 0.4 s of 2
        for now in range(13, 17):
            use.look(float(now), [process.pid])
        assert use.cores(process.pid) == 0.0
        assert use.memory(process.pid) > 1_000_000
    assert use.cores(process.pid + 1) == use.memory(process.pid + 1) == 0


def test_a_machine_is_as_busy_as_all_on_it() -> None:
    machine = Machine()
    machine.look(0.0)
    cores = os.sched_getaffinity(0)
    before = proc.busy_ticks(cores)
    with leader("while True: pass") as process:
        until(lambda: proc.busy_ticks(cores) >= before + 0.5 * TICKS, 30, "some work")
        process.send_signal(signal.SIGSTOP)
    machine.look(1.0)
    assert machine.busy >= 0.4
    assert machine.cores == len(cores)


def test_processors_on_which_nothing_of_ours_may_run_do_not_count() -> None:
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("there is but one processor")
    first, second, *_ = sorted(cores)
    before = [proc.busy_ticks([one]) for one in (first, second)]
    with leader(f"import os; os.sched_setaffinity(0, [{second}])\nwhile True: pass"):
        until(lambda: proc.busy_ticks([second]) >= before[1] + 0.5 * TICKS, 30, "some work")
    assert proc.busy_ticks([first, second]) >= proc.busy_ticks([second]) > before[1]
    os.sched_setaffinity(0, [first])
    try:
        assert Machine().cores == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_who_could_run_and_has_no_processor_is_starved() -> None:
    one = min(os.sched_getaffinity(0))
    busy = f"import os; os.sched_setaffinity(0, [{one}])\nwhile True: pass"
    use = Use()
    with leader(busy) as first, leader(busy) as second:
        until(lambda: proc.starved(first.pid) and proc.starved(second.pid), 30, "two that work on one processor")
        pids, began = (first.pid, second.pid), time.monotonic()
        use.look(began, pids)
        assert use.starved(first.pid) == 0.0  # there was one look
        until(lambda: time.monotonic() > began + 1.5)
        use.look(time.monotonic(), pids)
        assert 0.7 < use.starved(first.pid) + use.starved(second.pid) <= 2.0
    assert use.starved(second.pid + 1) == proc.starved(first.pid) == 0
