"""The launcher as a service: what it says to a real datagram socket in the place of systemd's."""

import os
import signal
import socket
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from host.janitor import SYSTEMD
from host.service import FASTEST, REPEAT, pace
from tests.acted import act, chain
from tests.conftest import until
from tests.launch import Launch
from tests.test_stop import janitor_of, run_id

BUDGET = 10.0  # seconds that Ctrl-C may take
WATCHDOG = 1.0  # seconds that this systemd waits for a sign of life
SLOW = """
import os, time
from bus import run


def slow():
    while not os.path.exists("go"):
        time.sleep(0.05)
    while True:
        yield None


if __name__ == "__main__":
    run(slow)
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


class Systemd:
    """Hears what comes, and when; in a thread, because a socket that nobody reads holds 10 datagrams alone."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "systemd"))
        self.environment = {"NOTIFY_SOCKET": str(folder / "systemd"), "WATCHDOG_USEC": f"{WATCHDOG * 1e6:.0f}"}
        self.heard: list[tuple[float, list[str]]] = []
        self._thread = threading.Thread(target=self._hear)

    def __enter__(self) -> "Systemd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.environment["NOTIFY_SOCKET"])
        self._thread.join()
        self._socket.close()

    def _hear(self) -> None:
        while text := self._socket.recv(4096).decode():
            self.heard.append((time.monotonic(), text.split("\n")))

    def has(self, line: str) -> bool:
        return any(line in lines for _, lines in self.heard)

    def status(self) -> str:
        """The last."""
        found = [line for _, lines in self.heard for line in lines if line.startswith("STATUS=")]
        return found[-1].removeprefix("STATUS=") if found else ""

    def signs_of_life(self) -> list[float]:
        return [when for when, lines in self.heard if "WATCHDOG=1" in lines]


def test_a_launcher_is_ready_when_its_nodes_have_started_and_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    with Systemd(tmp_path) as systemd, act(tmp_path, chain(), systemd.environment) as graph:
        until(lambda: systemd.has("READY=1"), what="ready")
        assert "READY=1" in systemd.heard[0][1]  # commands need not know of sd_notify: that they run is enough
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        assert not systemd.has("STOPPING=1")
        assert systemd.status() == "3 of 3 processes run"
        graph.process.send_signal(signal.SIGTERM)
        until(lambda: systemd.has("STOPPING=1"), what="the news of the stop")
        assert graph.ends(BUDGET) == 0
        until(lambda: systemd.status().startswith("stopped: converted 0, "), what="the last words")
    assert not any(line.startswith("X_REPLICA") for _, lines in systemd.heard for line in lines)


def test_the_news_of_a_stop_come_while_a_node_still_takes_its_time(tmp_path: Path) -> None:
    with Systemd(tmp_path) as systemd, act(tmp_path, chain("lives 2"), systemd.environment) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        graph.interrupt()
        until(lambda: systemd.has("STOPPING=1"), what="the news of the stop")
        assert graph.process.poll() is None
        until(lambda: systemd.status().startswith("stops, "), what="a status")
        assert graph.ends(BUDGET) == 0


def test_signs_of_life_come_in_time_and_no_more_once_the_launcher_stands_still(tmp_path: Path) -> None:
    with Systemd(tmp_path) as systemd, act(tmp_path, {"splitter": {"role": "lives"}}, systemd.environment) as graph:
        graph.says("ready after")
        begun = len(systemd.signs_of_life())
        time.sleep(5 * WATCHDOG)
        signs = systemd.signs_of_life()[begun:]
        assert 7 <= len(signs) <= 11  # every half of what is waited for; the machine may be busy
        assert max(later - earlier for earlier, later in pairwise(signs)) < WATCHDOG
        graph.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)  # one may be on its way
        silent_from = len(systemd.heard)
        time.sleep(2 * WATCHDOG)
        assert len(systemd.heard) == silent_from
        graph.process.send_signal(signal.SIGCONT)
        until(lambda: len(systemd.heard) > silent_from, what="a sign of life")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


def test_a_node_that_is_not_ready_yet_holds_up_readiness(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "graph.yaml").write_text("nodes: {slow: {run: slow}}")
    with Systemd(tmp_path) as systemd, Launch(tmp_path, env=systemd.environment) as graph:
        until(lambda: systemd.status() == "1 of 1 processes run" and len(systemd.heard) > 3, what="signs of life")
        assert not systemd.has("READY=1")
        (tmp_path / "go").touch()
        until(lambda: systemd.has("READY=1"), what="ready")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


def test_a_launcher_whose_node_fails_at_once_is_never_ready_and_says_whose_fault_it_is(tmp_path: Path) -> None:
    (tmp_path / "graph.yaml").write_text(
        "nodes: {splitter: {run: nodes.splitter, args: {source: nowhere.mp4, folder: in}}}"
    )
    with Systemd(tmp_path) as systemd:
        with Launch(tmp_path, env=systemd.environment) as graph:
            assert graph.ends() == 1
        until(lambda: systemd.has("STOPPING=1"), what="the end")
    assert not systemd.has("READY=1")
    assert systemd.status().startswith("failed because of splitter: ")


def test_a_graph_that_is_over_at_once_was_ready_or_systemd_would_take_it_for_a_failure(tmp_path: Path) -> None:
    with Systemd(tmp_path) as systemd:
        with act(tmp_path, {"splitter": {"role": "works 1"}}, systemd.environment) as graph:
            assert graph.ends() == 0
        until(lambda: systemd.has("STOPPING=1"), what="the end")
    assert systemd.has("READY=1")
    assert systemd.status().startswith("all done: ")


def test_a_node_that_rests_before_its_next_life_is_named(tmp_path: Path) -> None:
    nodes = {"splitter": {"role": "exits 1"}, "watcher": {"role": "lives"}}
    with Systemd(tmp_path) as systemd, act(tmp_path, nodes, systemd.environment) as graph:
        until(lambda: systemd.status() == "1 of 2 processes run; to be started: splitter", what="its name")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


def test_the_rates_are_told(tmp_path: Path) -> None:
    with Systemd(tmp_path) as systemd, Launch(tmp_path, "converter.replicas=1", env=systemd.environment) as graph:
        until(lambda: "; splitter " in systemd.status(), 40, "rates")
        assert systemd.status().startswith("3 of 3 processes run; splitter ")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


def test_a_systemd_that_has_gone_does_not_matter(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "200000"}
    with act(tmp_path, chain(), environment) as graph:
        until(lambda: graph.output.count("ready after") == 3, what="everyone")
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


def test_no_process_of_the_run_inherits_what_systemd_says_to_the_launcher(tmp_path: Path) -> None:
    told = {**dict.fromkeys(SYSTEMD, "1"), "NOTIFY_SOCKET": "/run/systemd/notify"}
    with act(tmp_path, {"splitter": {"role": "lives"}}, told) as graph:
        graph.says("ready after")
        run = run_id()
        for pid in (janitor_of(run), graph.pid("splitter.1")):
            pairs = Path("/proc", str(pid), "environ").read_bytes().decode().split("\0")
            found = dict(pair.split("=", 1) for pair in pairs if pair)
            assert found.get("NOTIFY_SOCKET", f"{run}/notify").endswith(f"{run}/notify")  # the launcher's own
            assert not found.keys() & {*SYSTEMD} - {"NOTIFY_SOCKET"}
        graph.interrupt()
        assert graph.ends(BUDGET) == 0


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, REPEAT),  # another process is to give them
        ({"WATCHDOG_USEC": "1"}, FASTEST),
        ({"WATCHDOG_USEC": "soon"}, REPEAT),
        ({}, REPEAT),
    ],
)
def test_signs_of_life_are_due_at_half_of_the_time_that_systemd_waits(
    environment: dict[str, str], seconds: float
) -> None:
    assert pace(environment) == seconds
