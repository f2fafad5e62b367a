"""The socket on which nodes speak sd_notify to the launcher (man 3 sd_notify)."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DATAGRAM = 4096  # bytes; what is longer is not sd_notify
SENDER = struct.Struct("3i")  # pid, uid, gid: man 7 unix, SCM_CREDENTIALS


class Notice(NamedTuple):
    """One datagram: the session that its sender belongs to, and what it says."""

    session: int
    fields: dict[str, str]


class Notices:
    """The listening end."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(path))

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[Notice]:
        """What has arrived, without waiting. The last words of a process that is gone already are left out."""
        while True:
            try:
                text, facts, _, _ = self._socket.recvmsg(DATAGRAM, socket.CMSG_SPACE(SENDER.size))
            except BlockingIOError:
                return
            pid, _, _ = SENDER.unpack(facts[0][2])
            try:
                session = os.getsid(pid)
            except ProcessLookupError:
                continue
            lines = text.decode("utf-8", "replace").splitlines()
            yield Notice(session, dict(line.split("=", 1) for line in lines if "=" in line))

    def close(self) -> None:
        self._socket.close()
