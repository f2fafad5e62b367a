"""Real servers of a live picture that shows when it was drawn: killed, frozen, started again and changed at will."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest

from tests.conftest import need, until
from tests.launch import ROOT

SYSTEM_PYTHON = "/usr/bin/python3"  # which sees the packages that the distribution installs
RTSP = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
ADDRESSES = {
    "rtsp": "rtsp://127.0.0.1:{}/1",
    "ts": "http://127.0.0.1:{}/live.ts",
    "mjpeg": "http://127.0.0.1:{}/live",
    "hls": "http://127.0.0.1:{}/live.m3u8",
    "udp": "udp://127.0.0.1:{}",
    "srt": "srt://127.0.0.1:{}",
}


class Server:
    """`with Server("rtsp") as server: read(server.address)`; a process group of its own, which the end kills.

    kind: rtsp, ts (mpeg-ts over http), mjpeg, hls, udp or srt; all but mjpeg are H.264
    backlog: how many pieces of a stream over http a new listener gets that were sent before it came
    """

    def __init__(
        self, kind: str, size: str = "320x240", rate: int = 15, backlog: int = 0, started: bool = True
    ) -> None:
        _need(kind)
        self.kind, self.size, self.rate, self.backlog = kind, size, rate, backlog
        self.port = free_port(socket.SOCK_DGRAM if kind in ("udp", "srt") else socket.SOCK_STREAM)
        self.address = ADDRESSES[kind].format(self.port)
        self._started = started
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""

    def __enter__(self) -> "Server":
        if self._started:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Serve, and wait until somebody could listen."""
        assert self._process is None
        self._folder = tempfile.mkdtemp(prefix="served-")
        own = [str(self.port), self.size, str(self.rate)]
        command = [sys.executable, "-m", "tests.servers_live", self.kind, *own, str(self.backlog), self._folder]
        if self.kind == "rtsp":
            command = [SYSTEM_PYTHON, str(ROOT / "tests" / "servers_rtsp.py"), *own]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            until(self._serves, 20, f"a server of {self.kind} at {self.address}")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process:
            with suppress(ProcessLookupError):  # it has ended by itself, as the test will say
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            shutil.rmtree(self._folder)

    def freeze(self) -> None:
        """Send nothing more, and close nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def grow(self) -> None:
        """Make the picture half as large again, in mid-stream."""
        assert self._process
        self._process.send_signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        os.killpg(self._process.pid, number)

    def _serves(self) -> bool:
        assert self._process
        assert self._process.poll() is None, f"the server of {self.kind} ended with {self._process.returncode}"
        if self.kind == "hls":
            return (Path(self._folder) / "live.m3u8").exists()
        if self.kind == "udp":
            return True  # who sends does not know who listens
        table = Path("/proc/net", "udp" if self.kind == "srt" else "tcp").read_text()
        return f"0100007F:{self.port:04X}" in table


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _need(kind: str) -> None:
    """Skip where what serves is missing, as tests.conftest.need does."""
    if kind == "rtsp":
        seen = subprocess.run([SYSTEM_PYTHON, "-c", RTSP], capture_output=True, check=False).returncode == 0
        if not seen:
            words = "gir1.2-gst-rtsp-server-1.0 and python3-gi are not installed"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(words)
    else:
        need(*(["ffmpeg", "gst-launch-1.0"] if kind == "srt" else ["ffmpeg"] if kind != "mjpeg" else []))
