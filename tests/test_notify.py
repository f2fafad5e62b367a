"""sd_notify against a real datagram socket."""

import socket
import time
from pathlib import Path

import pytest

from bus.notify import Notify
from tests.conftest import until
from tests.wiring import PATIENCE, SINK, SOURCE, Graph


class Supervisor:
    """A datagram socket that nodes may notify."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.got: list[list[str]] = []

    def hear(self) -> list[list[str]]:
        """The lines of each datagram so far."""
        while True:
            try:
                self.got.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return self.got


def test_a_node_is_ready_when_it_first_asks_or_yields_and_beats_from_the_start(tmp_path: Path) -> None:
    preparing = """
import os, time

def preparing(frames):
    while not os.path.exists("go"):
        time.sleep(0.01)
    for frame in frames:
        pass
"""
    with Graph(tmp_path) as graph:
        supervisor = Supervisor(f"{graph.run}/notify")
        graph.env["NOTIFY_SOCKET"] = f"{graph.run}/notify"
        graph.node("source", SOURCE, "--count=3", push="frames")
        graph.node("sink", preparing, pull="frames")
        graph.start()

        def said(replica: str) -> list[list[str]]:
            return [lines for lines in supervisor.hear() if f"X_REPLICA={replica}" in lines]

        until(lambda: len(said("sink.1")) >= 3, PATIENCE, "beats while the function sets itself up")
        assert all("WATCHDOG=1" in lines and "READY=1" not in lines for lines in said("sink.1"))
        until(lambda: any("READY=1" in lines for lines in said("source.1")), PATIENCE)
        (tmp_path / "go").touch()
        graph.finish()
        assert "READY=1" in said("sink.1")[-1]
        supervisor.socket.close()


def test_a_node_that_is_stopped_says_so(tmp_path: Path) -> None:
    with Graph(tmp_path) as graph:
        supervisor = Supervisor(f"{graph.run}/notify")
        graph.env["NOTIFY_SOCKET"] = f"{graph.run}/notify"
        graph.node("source", SOURCE, push="frames")
        graph.node("sink", SINK, pull="frames")
        graph.start("source")
        until(lambda: any("READY=1" in lines for lines in supervisor.hear()), PATIENCE)
        graph.signal("source.1", 15)
        assert graph.wait("source.1") == 0
        assert "STOPPING=1" in supervisor.hear()[-1]
        supervisor.socket.close()


def test_a_supervisor_that_does_not_listen_or_has_gone_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    notify = Notify("node.1")
    started = time.monotonic()
    for number in range(10_000):
        notify.status(f"{number} files wait")
    supervisor.socket.close()
    notify.beat()
    notify.close()
    assert time.monotonic() - started < 5.0


def test_an_abstract_socket_works_too_and_without_a_socket_a_node_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"zg-test-{time.monotonic_ns()}"
    supervisor = Supervisor("\0" + name)
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
    notify = Notify("node.1")
    notify.status("the disk is full")
    assert supervisor.hear() == [["STATUS=the disk is full", "WATCHDOG=1", "X_REPLICA=node.1"]]
    notify.status("")
    assert supervisor.hear()[1] == ["STATUS=", "WATCHDOG=1", "X_REPLICA=node.1"]
    notify.close()
    monkeypatch.delenv("NOTIFY_SOCKET")
    silent = Notify("node.1")
    silent.ready()
    silent.close()
    assert len(supervisor.hear()) == 2
    supervisor.socket.close()
