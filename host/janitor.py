"""The janitor: when its launcher is gone, however it went, kill every process of the run.

A program of its own, with nothing but the standard library: `python janitor.py RUN_ID [FOLDER]`, standard input a pipe
that only the launcher holds open. The kernel closes that pipe even for a launcher that was killed with -9. Every
process of the run carries ZG_RUN=RUN_ID in its environment, grandchildren that left their session and their parents
included. FOLDER, the run folder on a machine of a pool, goes when nobody has taken it over for long.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path

OURS = ("ZG_RUN", "ZG_LIFE")  # variables by which processes are found
SYSTEMD = (  # what systemd tells a service of itself alone
    *("NOTIFY_SOCKET", "MAINPID", "MANAGERPID", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"),
    *("WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "FDSTORE"),
    *("MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE"),
)
CLEAN_SCANS = 3  # in a row: one may miss a process that is between fork and exec
PAUSE = 0.02  # seconds between scans
LOOK = 1.0  # … between two looks at FOLDER
KEPT = 120.0  # seconds for which FOLDER waits for another actor: what its last life died with is in it
PATIENCE = 1.5  # seconds that an orderly launcher waits for the janitor at its end


def start(run_id: str) -> "subprocess.Popen[bytes]":
    """Start a janitor for the run; closing its `stdin`, or dying, sets it to work."""
    strange = (*OURS, *SYSTEMD)  # OURS: those of a run that we are part of
    environment = {key: value for key, value in os.environ.items() if key not in strange}
    command = [sys.executable, "-I", "-S", __file__, run_id]
    return subprocess.Popen(
        command, cwd="/", env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )


def send_off(janitor: "subprocess.Popen[bytes]") -> bool:
    """Set the janitor to work and wait for it; whether it is done."""
    assert janitor.stdin
    janitor.stdin.close()
    try:
        janitor.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return False
    return True


def carriers(mark: str, among: Iterable[int] | None = None) -> Iterator[int]:
    """A pidfd for each living process with `mark` in its environment; it is closed when the next one is asked for.

    `among`: the pids of those to be looked at; without, everybody is.
    """
    wanted = mark.encode()
    for pid in everyone() if among is None else among:
        try:
            process = os.pidfd_open(pid)  # before reading, so that a reused pid is never hit
        except ProcessLookupError:
            continue
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                yield process
        except (ProcessLookupError, FileNotFoundError, PermissionError):
            continue  # it has just ended, or is another user's
        finally:
            os.close(process)


def everyone() -> list[int]:
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]


def kill(mark: str, among: Iterable[int] | None = None) -> bool:
    """Kill all that carry `mark` now; whether there was anybody."""
    found = False
    for process in carriers(mark, among):
        found = True
        with suppress(ProcessLookupError):  # it has ended by itself
            signal.pidfd_send_signal(process, signal.SIGKILL)
    return found


def kill_all(mark: str, seconds: float = inf) -> None:
    """Kill until nobody is left that carries `mark`, for so many seconds at most."""
    clean, deadline = 0, time.monotonic() + seconds
    while clean < CLEAN_SCANS and time.monotonic() < deadline:
        clean = 0 if kill(mark) else clean + 1
        time.sleep(PAUSE)


def remove(folder: Path) -> None:
    """Remove it once nobody has touched it for KEPT seconds, unless somebody holds it: then that one has a janitor."""
    with suppress(FileNotFoundError, BlockingIOError):
        while True:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if folder.stat().st_mtime < time.time() - KEPT:
                    shutil.rmtree(folder)
            finally:
                os.close(held)
            time.sleep(LOOK)


def main() -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever signals everything must not spare the rest by it
    sys.stdin.buffer.read()  # returns when the launcher is gone
    kill_all(f"ZG_RUN={sys.argv[1]}")
    for folder in sys.argv[2:]:
        remove(Path(folder))


if __name__ == "__main__":
    main()
