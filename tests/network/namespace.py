"""A network namespace: programs and sockets can be put into it, and it is gone when its with-block ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import need, until
from tests.mounting import REFUSED

KEEPER = Path(__file__).with_name("keeper.py")
UNABLE = (*REFUSED, "not supported", "unknown device type", "read-only file system")


class Namespace:
    """Anybody but root gets them in a user namespace, which belongs to the `first` one."""

    def __init__(self, first: "Namespace | None" = None) -> None:
        need("unshare", "nsenter", "ip")
        self._rights: list[str] = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        if not self._rights:
            made = ["unshare", "--net"]
        elif first is None:
            made = ["unshare", "--user", "--map-root-user", "--net"]
        else:
            made = ["nsenter", f"--target={first.pid}", *self._rights, "unshare", "--net"]
        self._door, inside = socket.socketpair()
        with inside:
            self._keeper: subprocess.Popen[str] = subprocess.Popen(
                [*made, sys.executable, str(KEEPER)],
                stdin=inside.fileno(),
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # a Ctrl-C is for the test, which then ends the keeper
            )
        self.pid: int = self._keeper.pid

    def __enter__(self) -> "Namespace":
        if not self._door.recv(16):
            said = self._keeper.communicate()[1]
            self._door.close()
            _give_up("a network namespace", said)
        self._identity = identity(self.pid)
        return self

    def __exit__(self, *error: object) -> None:
        """Kill what is left in it."""
        until(self.kill_all, 10, "the end of all processes in a network namespace")
        self._door.close()
        self._keeper.communicate()

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv`, as it is started from outside: that becomes the program itself, with the same process id."""
        return ["nsenter", f"--target={self.pid}", *self._rights, "--net", "--", *argv]

    def run(self, *argv: str, lines: Sequence[str] = ()) -> str:
        """Run a program there to its end, with `lines` as its input, and return what it says.

        Skips the test where the machine does not allow it, or has no such device.
        """
        need(argv[0])
        done = subprocess.run(
            self.command(argv), input="\n".join(lines), capture_output=True, text=True, check=False, timeout=30
        )
        if done.returncode:
            _give_up(" ".join(argv), done.stderr)
        return done.stdout

    def ip(self, *lines: str) -> None:
        """Run several commands of ip(8), without that word."""
        self.run("ip", "-batch", "-", lines=lines)

    def tcp(self) -> socket.socket:
        """An IPv4 socket that belongs there, for this process to use and to close."""
        return self._socket(b"t")

    def udp(self) -> socket.socket:
        return self._socket(b"u")

    def processes(self) -> list[int]:
        """What runs in it, the keeper not included."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if pid != self.pid and identity(pid) == self._identity]

    def kill_all(self) -> bool:
        """Kill what runs in it, and say whether nothing does: until then there may be more."""
        left = self.processes()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    def _socket(self, kind: bytes) -> socket.socket:
        self._door.send(kind)
        _, [made], _, _ = socket.recv_fds(self._door, 1, 1)
        return socket.socket(fileno=made)


def identity(pid: int) -> str:
    """The network namespace of a process; nothing if it has ended, or is not ours."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _give_up(what: str, said: str) -> None:
    is_unable = any(words in said.lower() for words in UNABLE)
    (pytest.skip if is_unable else pytest.fail)(f"{what}: {said.strip()}")
